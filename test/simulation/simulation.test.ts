import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runOptionsOf, worldOf } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { planOf, type WorldOptions } from './plan.ts'
import { shrink } from './shrink.ts'
import { EARLY_RULES } from './verdict.ts'
import { runPlan } from './world.ts'

const SEEDS = 200
const CLASSIC_SEEDS = 80
const SHARED_SEEDS = 20
/** Each costs as much as ten others: real `Request` and `Response` objects need the event loop. */
const HANDLER_SEEDS = 20

const GUARANTEES = readFileSync(join(import.meta.dirname, '../../docs/guarantees.md'), 'utf8')

/** What the table of mutants says of each: its name, by which rules it is noticed, and within how many seeds. */
function tableOfMutants(): (readonly string[])[] {
  const [, table = ''] = GUARANTEES.split('| broken on purpose |')
  const rows = table.split('\n').slice(2)
  const end = rows.findIndex((row) => !row.startsWith('|'))
  return rows.slice(0, end < 0 ? rows.length : end).map((row) => {
    const [, name = '', , rules = '', within = ''] = row.split('|').map((cell) => cell.trim())
    return [name, rules, within]
  })
}

/** The first seed that breaks a rule, as a person would read of it, or `null`. */
async function firstFailure(from: number, count: number, options: WorldOptions): Promise<string | null> {
  for (let seed = from; seed < from + count; seed += 1) {
    const [violation] = (await runPlan(planOf(seed, options))).violations
    if (violation) return `seed ${seed}: ${violation.rule}: ${violation.detail} (npm run simulate -- --replay ${seed})`
  }
  return null
}

describe('the simulated client and server', () => {
  it(`break no rule in ${SEEDS} schedules`, { timeout: 60_000 }, async () => {
    expect(await firstFailure(1, SEEDS, { dialect: 'owned' })).toBeNull()
  })

  it(`break no rule in ${CLASSIC_SEEDS} schedules of the classic dialect`, { timeout: 60_000 }, async () => {
    expect(await firstFailure(1, CLASSIC_SEEDS, { dialect: 'classic' })).toBeNull()
  })

  it(`break no rule in ${SHARED_SEEDS} schedules of several servers with one log`, { timeout: 60_000 }, async () => {
    expect(await firstFailure(1, SHARED_SEEDS, { dialect: 'owned', stores: ['shared'] })).toBeNull()
  })

  it(`break no rule in ${HANDLER_SEEDS} schedules through the whole handler`, { timeout: 60_000 }, async () => {
    expect(await firstFailure(1, HANDLER_SEEDS, { seam: 'handler' })).toBeNull()
  })

  it('go the same way with the same seed, and another way with another', async () => {
    const hashes = []
    for (const seed of [7, 7, 8]) hashes.push((await runPlan(planOf(seed))).hash)
    expect(hashes[0]).toBe(hashes[1])
    expect(hashes[0]).not.toBe(hashes[2])
  })

  it('go the same way through the handler too', async () => {
    const [first, second] = [
      await runPlan(planOf(3, { seam: 'handler' })),
      await runPlan(planOf(3, { seam: 'handler' })),
    ]
    expect(first.hash).toBe(second.hash)
  })
})

describe('each rule, when it is broken on purpose:', () => {
  it.each(MUTANTS)('$name is noticed within $within schedules', { timeout: 60_000 }, async (mutant) => {
    for (let seed = 1; seed <= mutant.within; seed += 1) {
      const [violation] = (await runPlan(planOf(seed, worldOf(mutant)), runOptionsOf(mutant))).violations
      if (violation === undefined) continue
      expect(mutant.rules).toContain(violation.rule)
      return
    }
    expect.unreachable('It was not noticed.')
  })

  it('stands in the table of docs/guarantees.md as it is here', () => {
    const rows = MUTANTS.map(({ name, rules, within }) => [name, rules.join(', '), within.toLocaleString('en')])
    expect(tableOfMutants()).toEqual(rows)
    expect(GUARANTEES).toContain(` ${MUTANTS.length} broken variants `)
  })
})

describe('a schedule that fails', () => {
  it('shrinks to one that fails by the same rule, and needs all that is left', { timeout: 60_000 }, async () => {
    const mutant = MUTANTS.find(({ name }) => name === 'only the monotonic clock')
    const deafTo = [...EARLY_RULES, 'heartbeat without belief'] as const
    const options = { tweaks: mutant?.tweaks ?? {}, deafTo }
    for (let seed = 1; ; seed += 1) {
      const plan = planOf(seed, { dialect: 'owned', stores: ['grace'] })
      const [violation] = (await runPlan(plan, options)).violations
      if (violation === undefined) continue
      const { plan: least } = await shrink(plan, options)
      expect((await runPlan(least, options)).violations[0]?.rule).toBe(violation.rule)
      expect(least.faults.map(({ kind }) => kind)).toContain('sleep')
      expect(least.faults.length).toBeLessThanOrEqual(2)
      return
    }
  })
})
