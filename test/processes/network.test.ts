import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { beliefsIn, contradictions } from './beliefs.ts'
import { ClientProcess } from './client-process.ts'
import { Contender } from './contender.ts'
import { expectLoss, expectNoLoss } from './expectations.ts'
import { FaultProxy } from './fault-proxy.ts'
import { Gate } from './gate.ts'
import { carriesAcquire, carriesCommands, carriesRelease, isHeartbeat, isStream, type Matcher } from './requests.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import { now } from './shared-clock.ts'
import { allOf } from './tale.ts'

const LEASE_MS = 2_000
/** Long enough that a lock that is handed back can be told from one that ran out. */
const LONG_LEASE_MS = 12_000
/** For what comes to everybody who waits, sooner or later. */
const BOUND_MS = 20_000
/** A lease for which an answer can be late by more than the margin at its end, and still not be given up. */
const PATIENT_LEASE_MS = 3_000
const SLOW_MS = 350

/** One whose first heartbeat comes long after all else, so that nothing is heard by it. */
const QUIET_LEASE_MS = 60_000
/** One that asks in vain since it has overtaken the release, one that hears of the grant, and the one that confirms it. */
const MOST_POLLS = 3

// They wait most of the time, each for something else.
vi.setConfig({ maxConcurrency: 8 })

let server: ServerProcess

beforeAll(async () => {
  server = await startServer()
})

/** Resolves when the reply to the first request that matches has gone to the client, as late as a reply may be. */
async function delayReply(proxy: FaultProxy, matches: Matcher): Promise<void> {
  const gate = new Gate()
  const { reply } = await proxy.fault(matches, { kind: 'hold-reply', until: gate.opened })
  // On a busy machine the client may have given it up before the server answered; it asks again.
  if ((await reply) === '') return delayReply(proxy, matches)
  await sleep(SLOW_MS)
  gate.open()
  await setImmediate()
}

/** When requests came that match, from now on. */
function times(proxy: FaultProxy, matches: Matcher): readonly number[] {
  const found: number[] = []
  const note = () => {
    found.push(now())
    return null
  }
  void proxy.fault(matches, note, Number.POSITIVE_INFINITY)
  return found
}

describe.concurrent('a network that swallows everything', () => {
  it.each([
    { how: 'at once', late: null },
    { how: 'after a grant that came late', late: carriesAcquire },
    { how: 'after a renewal that came late', late: isHeartbeat },
  ])('ends a belief before the next one begins: $how', async ({ how, late }) => {
    const name = `black-hole-${how.replaceAll(' ', '-')}`
    const proxy = await FaultProxy.listen(server.url)
    const delivered = late === null ? null : delayReply(proxy, late)
    const first = new ClientProcess('hold', proxy.url, name, PATIENT_LEASE_MS)
    await Promise.race([delivered, first.told('onLockLoss')])
    await first.told('granted')
    proxy.blackHole()
    const second = new ClientProcess('hold', server.url, name, PATIENT_LEASE_MS)
    await Promise.all([first.told('onLockLoss'), second.told('granted')])
    await proxy.heal()
    first.go()
    second.go()
    const tales = await Promise.all([first.tale(), second.tale()])
    expectLoss(tales[0], name, ['too-slow', 'offline'])
    expect(allOf(tales[0], 'onHeartbeatException').length).toBeGreaterThan(0)
    expectNoLoss(tales[1])
    const beliefs = beliefsIn(tales.flat())
    expect(beliefs).toHaveLength(2)
    expect(contradictions(beliefs)).toEqual([])
  })
})

describe.concurrent('a waiter that hears nothing by its stream', () => {
  it.each([
    { kind: 'mute', when: 'once it stands' },
    { kind: 'mute', when: 'from the start' },
    { kind: 'cut', when: 'once it stands' },
    { kind: 'cut', when: 'from the start' },
  ] as const)('gets in by polls: the stream is $kind $when', async ({ kind, when }) => {
    const name = `stream-${kind}-${when.replaceAll(' ', '-')}`
    const holder = new Contender(server.url, name)
    expect(await holder.acquire(0)).not.toBeNull()
    const proxy = await FaultProxy.listen(server.url)
    const gate = new Gate()
    const streamed = proxy.fault(isStream, { kind, from: gate.opened }, Number.POSITIVE_INFINITY)
    const polls = times(proxy, carriesCommands)
    const heartbeats = times(proxy, isHeartbeat)
    if (when === 'from the start') gate.open()
    const waiter = new ClientProcess('hold', proxy.url, name, QUIET_LEASE_MS)
    const { reply } = await streamed
    if (when === 'once it stands') await reply
    gate.open()

    const releasedAt = now()
    await holder.release()
    const granted = await waiter.told('granted')
    const asked = polls.filter((at) => at > releasedAt && at < granted.at)
    expect(asked.length).toBeLessThanOrEqual(MOST_POLLS)
    expect(heartbeats).toEqual([])
    expect(await holder.standing()).toMatchObject({ state: 'held', fencing_token: granted.token })
    waiter.go()
    const tale = await waiter.tale()
    expectNoLoss(tale)
    expect(allOf(tale, 'released').map(({ acknowledged }) => acknowledged)).toEqual([true])
  })
})

describe.concurrent('a heartbeat that fails', () => {
  it.each([
    { fault: { kind: 'reset' }, times: 1 },
    { fault: { kind: 'reset' }, times: 2 },
    { fault: { kind: 'half-open' }, times: 1 },
    { fault: { kind: 'cut-reply' }, times: 1 },
    { fault: { kind: 'swallow-reply' }, times: 1 },
  ] as const)('is no loss: $fault.kind, times $times', async ({ fault, times }) => {
    const name = `heartbeat-${fault.kind}-${times}`
    const proxy = await FaultProxy.listen(server.url)
    void proxy.fault(isHeartbeat, fault, times)
    const client = new ClientProcess('hold', proxy.url, name, LEASE_MS)
    await client.told('health', 'ok')
    client.go()
    const tale = await client.tale()
    expectNoLoss(tale)
    // On a busy machine a heartbeat may fail besides.
    expect(allOf(tale, 'onHeartbeatException').length).toBeGreaterThanOrEqual(times)
    const healths = allOf(tale, 'health').map(({ health }) => health)
    expect(healths[0]).toMatch(/^(late|offline)$/)
    expect(healths.at(-1)).toBe('ok')
    expect(allOf(tale, 'released').map(({ acknowledged }) => acknowledged)).toEqual([true])
  })
})

describe.concurrent('an acquire', () => {
  it.each(['swallow-reply', 'cut-reply'] as const)(
    'whose reply is lost is granted once, and leaves nothing behind: %s',
    async (kind) => {
      const name = `acquire-${kind}`
      const proxy = await FaultProxy.listen(server.url)
      const lost = proxy.fault(carriesAcquire, { kind })
      const client = new ClientProcess('hold', proxy.url, name, LEASE_MS)
      const { token } = await client.told('granted')
      // The reply that was swallowed spoke of the same grant.
      expect(await (await lost).reply).toContain(`"fencing_token":${token}`)
      client.go()
      const tale = await client.tale()
      expectNoLoss(tale)
      expect(allOf(tale, 'released').map(({ acknowledged }) => acknowledged)).toEqual([true])
      expect(await new Contender(server.url, name).acquire(0)).not.toBeNull()
    },
  )

  it('that is given up while its reply is on the way hands the lock on', async () => {
    const name = 'give-up-reply'
    const proxy = await FaultProxy.listen(server.url)
    const gate = new Gate()
    const held = proxy.fault(carriesAcquire, { kind: 'hold-reply', until: gate.opened })
    const client = new ClientProcess('give-up', proxy.url, name, LONG_LEASE_MS)
    expect(await (await held).reply).toContain('"fencing_token"')
    const grantedAt = now()
    client.go()
    expect(await client.told('rejected')).toMatchObject({ withReason: true })

    const next = new Contender(server.url, name)
    const grant = await next.acquire(BOUND_MS)
    expect(grant?.at).toBeLessThan(grantedAt + LONG_LEASE_MS)
    gate.open()
    expectNoLoss(await client.tale())
    expect(await next.holds()).toBe(true)
  })

  it('that is given up while it is on the way takes nothing when it arrives', async () => {
    const name = 'give-up-request'
    const proxy = await FaultProxy.listen(server.url)
    const gate = new Gate()
    const held = proxy.fault(carriesAcquire, { kind: 'hold-request', until: gate.opened })
    const client = new ClientProcess('give-up', proxy.url, name, LEASE_MS)
    const { reply } = await held
    const handedBack = proxy.fault(carriesRelease, () => null)
    client.go()
    expect(await client.told('rejected')).toMatchObject({ withReason: true })
    await (await handedBack).reply
    gate.open()
    expect(await reply).not.toContain('"fencing_token"')
    expectNoLoss(await client.tale())
    expect(await new Contender(server.url, name).acquire(0)).not.toBeNull()
  })
})
