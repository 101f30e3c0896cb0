import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { IdleClients } from './idle-clients.ts'
import { IdleServer, type Memory } from './idle-server.ts'

/** Waiters with a request, and so a connection, each. */
const POLLS = 2_000
/** Waiters of sessions, and those of them that share one session and its stream. */
const SESSION_WAITERS = 8_000
const WAITS_OF_A_SESSION = 10
/** A lock has at most 1,000 owners. */
const LOCKS = 100
const SESSION_LEASE_MS = 20_000
const HEARTBEAT_MS = 5_000
/** Nobody gives up while the others arrive, however busy the machine is. */
const WAIT_MS = 600_000
/** Requests under way at once while a crowd arrives. */
const AT_ONCE = 200
/** What a heap may differ by though nothing is kept: code, caches, and free lists. */
const SLACK_BYTES = 12 * 1024 * 1024

let server: IdleServer
let clients: IdleClients

beforeEach(async () => {
  server = await IdleServer.start({ maxWaitMs: WAIT_MS })
  clients = new IdleClients(server)
})

afterEach(() => clients.close())

/** Does `act` for each number below `count`, some at once. */
async function each(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - first)
    await Promise.all(Array.from({ length: some }, (_, index) => act(first + index)))
  }
}

async function waiters(): Promise<number> {
  const { json } = await clients.ask('/v1/locks?limit=1000')
  return (json.locks as { waiters: number }[]).reduce((sum, lock) => sum + lock.waiters, 0)
}

function report(what: string, count: number, before: Memory, after: Memory): void {
  const of = (member: keyof Memory) => Math.round((after[member] - before[member]) / count)
  process.stderr.write(`idle: ${what}: ${of('heap')} bytes of heap each, ${of('rss')} of the process\n`)
}

test('10,000 wait: each costs little, the first is granted at once, and nothing is left when they have gone', async () => {
  const holders = Array.from({ length: LOCKS }, newOwner)
  for (const [index, owner] of holders.entries())
    await clients.ask(`/v1/acquire/k${index}`, { owner, lease_ms: WAIT_MS })
  const empty = await server.memory()

  const parked: Promise<string>[] = []
  for (let first = 0; first < POLLS; first += AT_ONCE) {
    for (let index = first; index < first + AT_ONCE; index += 1) {
      const body = { owner: newOwner(), wait_ms: WAIT_MS, lease_ms: WAIT_MS }
      parked.push(clients.answered(`/v1/acquire/k${index % LOCKS}`, body))
    }
    await expect.poll(waiters, { timeout: 60_000, interval: 20 }).toBe(first + AT_ONCE)
  }
  for (const each of parked) each.catch(() => undefined)
  const withPolls = await server.memory()
  report('a request that waits', POLLS, empty, withPolls)

  const sessions = Array.from({ length: SESSION_WAITERS / WAITS_OF_A_SESSION }, newOwner)
  const beat = () =>
    each(sessions.length, (index) => clients.ask('/v1/session/heartbeat', { session: sessions[index] }))
  const beating = setInterval(() => void beat(), HEARTBEAT_MS)
  onTestFinished(() => clearInterval(beating))
  await each(sessions.length, async (index) => {
    const session = sessions[index]
    const commands = Array.from({ length: WAITS_OF_A_SESSION }, (_, number) => {
      return { op: 'acquire', name: `k${(index + number) % LOCKS}`, owner: newOwner() }
    })
    const open = { lease_ms: SESSION_LEASE_MS }
    await clients.ask('/v1/session/commands', { session, open, seq: 1, commands })
    expect(await clients.answered('/v1/session/stream', { sessions: [{ session }] })).toContain('200 OK')
  })
  expect(await waiters()).toBe(POLLS + SESSION_WAITERS)
  const withAll = await server.memory()
  report(`a session with a stream and ${WAITS_OF_A_SESSION} that wait`, sessions.length, withPolls, withAll)
  expect(withAll.heap - empty.heap).toBeLessThan((POLLS + SESSION_WAITERS) * 20 * 1024)

  const releasedAt = performance.now()
  await clients.ask('/v1/release/k0', { owner: holders[0] })
  expect(await parked[0]).toContain('"response":true')
  process.stderr.write(`idle: handed off among 10,000 in ${Math.round(performance.now() - releasedAt)} ms\n`)
  // Not at the end of anybody's wait or lease.
  expect(performance.now() - releasedAt).toBeLessThan(WAIT_MS / 10)

  clearInterval(beating)
  clients.leave()
  await expect.poll(waiters, { timeout: 3 * SESSION_LEASE_MS, interval: 250 }).toBe(0)
  const left = await server.memory()
  report('what is left', POLLS + SESSION_WAITERS, empty, left)
  expect(left.heap - empty.heap).toBeLessThan(SLACK_BYTES)
}, 180_000)
