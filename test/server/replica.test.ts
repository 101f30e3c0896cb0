import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { rulesOf, type StepCall, writeEntry } from '../../src/server/stores/shared/entry.ts'
import { Replica } from '../../src/server/stores/shared/replica.ts'
import { ANYBODY } from './store-bench.ts'

const namespace = fc.constantFrom('', 'x')
const name = fc.constantFrom('k', 'l', 'm')
const owner = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const session = fc.constantFrom('s', 't')
const mode = fc.constantFrom('exclusive' as const, 'shared' as const)
const steal = fc.constantFrom(null, null, null, 'safe' as const, 'now' as const)
const ms = fc.constantFrom(0, 500, 1_000, 3_000)
const principal = fc.constantFrom(ANYBODY, { ...ANYBODY, subject: 'u', maxHoldMs: 4_000 })
const lock = { namespace, name }
const asked = { mode, steal, info: fc.constantFrom(null, 'Alice') }

const acquireCommand = fc.record({
  op: fc.constant('acquire' as const),
  name,
  owner,
  ifAvailable: fc.boolean(),
  ...asked,
})
const releaseCommand = fc.record({ op: fc.constant('release' as const), name, owner })
const commands = fc.array(fc.oneof(acquireCommand, releaseCommand), { maxLength: 3 })

let seq = 0

const call: fc.Arbitrary<StepCall> = fc.oneof(
  fc
    .record({
      ...lock,
      owner,
      principal,
      leaseMs: fc.constantFrom(1_000, 5_000),
      waitMs: ms,
      ifAvailable: fc.boolean(),
      ...asked,
    })
    .map((step): StepCall => ['acquire', step]),
  fc.record({ ...lock, owner, attachMs: ms }).map((step): StepCall => ['attend', step]),
  fc.record({ ...lock, owner, leaseMs: fc.constantFrom(null, 2_000) }).map((step): StepCall => ['renew', [step]]),
  fc.record({ ...lock, owner }).map((step): StepCall => ['release', step]),
  fc
    .record({
      namespace,
      session,
      principal,
      commands,
      confirm: fc.array(owner, { maxLength: 2 }),
      leaseMs: fc.constantFrom(2_000, 6_000),
    })
    .map(({ leaseMs, ...step }): StepCall => {
      seq += 1
      return ['execute', { ...step, seq, open: { leaseMs, info: null } }]
    }),
  fc.record({ session, confirm: fc.array(owner, { maxLength: 2 }) }).map((step): StepCall => ['renewSession', step]),
  fc.record({ session, attachMs: ms }).map((step): StepCall => ['attendSession', step]),
  session.map((id): StepCall => ['endSession', id]),
  fc
    .record({ ...lock, how: fc.constantFrom('ending' as const, 'now' as const) })
    .map((step): StepCall => ['endHolders', step]),
  fc.constant<StepCall>(['revoke', { subject: 'u' }]),
)

/** A record, and what happens besides at one of the two replicas. */
const event = fc.record({
  steps: fc.array(call, { maxLength: 3 }),
  tickMs: fc.constantFrom(null, 250, 400),
  graceMs: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 2_000),
  besides: fc.constantFrom('nothing', 'nothing', 'reload', 'read'),
})

test('a replica that was read from an image, or asked in between, stays the same as one that was not', async () => {
  const limits = { tombstones: 8, ownersPerLock: 5 }
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 20, maxLength: 80 }), async (events) => {
      const kept = new Replica({ limits }, null)
      let other = new Replica({ limits }, null)
      let tick = 0
      for (const [index, { steps, tickMs, graceMs, besides }] of events.entries()) {
        if (tickMs !== null) tick += 1
        const entry = { rules: rulesOf(limits), wall: 1_000 + index, graceMs, tokenFloor: 0, cut: null, steps }
        const body = writeEntry({ ...entry, tick: tickMs === null ? null : { number: tick, ms: tickMs } })
        const record = { position: index + 1, id: `server.${index + 1}`, body }
        const outcomes = await Promise.all(kept.apply(record).outcomes ?? [])
        expect(await Promise.all(other.apply(record).outcomes ?? [])).toEqual(outcomes)
        expect(other.image()).toBe(kept.image())
        if (besides === 'reload') other = new Replica({ limits }, { point: record, text: other.image() })
        if (besides === 'read') await readAll(other)
      }
    }),
    { numRuns: 150 },
  )
})

async function readAll({ store }: Replica): Promise<void> {
  for (const each of ['', 'x', 'never heard of']) {
    await store.inspect({ namespace: each, name: 'k' })
    await store.list({ namespace: each, prefix: '', after: null, limit: 10 })
  }
  store.lookAtSession('s')
}
