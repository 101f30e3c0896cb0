import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { findEtcd, findPostgres } from '../../scripts/find-programs.mjs'
import { type ChaosOptions, runChaos } from './run-chaos.ts'

const BOUND_MS = 120_000
/** With it something of each kind comes soon. Real time makes each run another one nevertheless. */
const STORM: Omit<ChaosOptions, 'store'> = {
  seconds: 10,
  seed: 9,
  servers: 2,
  clients: 6,
  locks: 4,
  overstays: false,
}
/** What is broken on purpose may be lucky, but not for long. */
const MOST_STORMS = 4
/** And whether this machine has what it takes: `npm test` says how to get it. */
const STORES: readonly (readonly [store: string, isHere: boolean])[] = [
  ['memory', true],
  ['file', true],
  ['postgres', findPostgres() !== null],
  ['etcd', findEtcd() !== null],
]

describe.each(STORES)('servers on the store %s', (store, isHere) => {
  it.skipIf(!isHere && !process.env.CI)(
    'keep the promise to clients that are stopped, killed and cut off, while they are killed themselves',
    async () => {
      const { figures, violations, troubles } = await runChaos({ ...STORM, store })
      process.stdout.write(`${store}: ${figures.slice(-4).join('; ')}\n`)
      expect({ violations, troubles }).toEqual({ violations: [], troubles: [] })
    },
    BOUND_MS,
  )
})

describe('the harness', () => {
  it(
    'catches a server that forgets what it has granted',
    async () => {
      expect(await brokenSoon({ ...STORM, store: 'forgetful' })).toContain('belief')
    },
    BOUND_MS,
  )

  it(
    'catches clients that go on when their lease is over',
    async () => {
      expect(await brokenSoon({ ...STORM, store: 'memory', clients: 9, locks: 3, overstays: true })).toContain('belief')
    },
    BOUND_MS,
  )
})

/** The rules that were broken in the first storm that broke any. */
async function brokenSoon(options: ChaosOptions): Promise<string[]> {
  for (let storm = 0; storm < MOST_STORMS; storm += 1) {
    const { violations, logs } = await runChaos({ ...options, seconds: 7, seed: options.seed + storm })
    if (logs !== null) await rm(logs, { recursive: true })
    if (violations.length > 0) return violations.map(({ rule }) => rule)
  }
  return []
}
