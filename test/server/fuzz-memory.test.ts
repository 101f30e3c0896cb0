import { afterEach, expect, test } from 'vitest'
import { newOwner } from '../support/owners.ts'
import { fuzzRuns } from './fuzz-runs.ts'
import { type Answer, IdleClients } from './idle-clients.ts'
import { IdleServer } from './idle-server.ts'

/** Small, so that strangers reach them in a moment: what holds for these holds for the default ones. */
const LIMITS = { locks: 200, waiters: 100, ownersPerLock: 50, tombstones: 300, sessions: 100, ownersPerSession: 100 }
/** Fills all of them, so that from then on each new thing must replace another or be refused. */
const FILLING = 384
const AFTER: number = fuzzRuns(1_024)
/** A heap differs by a fifth of it though nothing is kept; each of those below that was kept would be twice as much. */
const SLACK_BYTES = 512 * 1024
const AT_ONCE = 64

let clients: IdleClients | undefined

afterEach(() => clients?.close())

/** A name and an owner of their own, as long as may be. */
function freshName(): string {
  return newOwner().padEnd(255, 'x')
}

function freshOwner(): string {
  return newOwner().padEnd(128, 'x')
}

const INFO = 'x'.repeat(1_000)

/** What strangers may do without end, each with something that nobody has heard of. */
const STRANGERS: Readonly<Record<string, (to: IdleClients, index: number) => Promise<readonly Answer[]>>> = {
  'owners that release at once': async (to) => [await to.ask(`/v1/release/${freshName()}`, { owner: freshOwner() })],
  'owners that only beat': async (to) => [await to.ask(`/v1/heartbeat/${freshName()}`, { owner: freshOwner() })],
  'owners that keep': async (to) => [await to.ask(`/v1/acquire/${freshName()}`, { owner: freshOwner(), info: INFO })],
  'owners that come and go': async (to) => {
    const [name, owner] = [freshName(), freshOwner()]
    return [await to.ask(`/v1/acquire/${name}`, { owner }), await to.ask(`/v1/release/${name}`, { owner })]
  },
  'classic clients': async (to) => [
    await to.ask(`/v1/acquire/${freshName()}`),
    await to.ask(`/v1/heartbeat/${freshName()}`),
    await to.ask(`/v1/release/${freshName()}`),
    await to.ask(`/v1/status/${freshName()}`),
  ],
  'waiters that do not come back': async (to, index) => [
    await to.ask(`/v1/acquire/k${index % 2}`, { owner: freshOwner(), wait_ms: 1, info: INFO }),
  ],
  'sessions that stay': async (to) => [await open(to, freshOwner())],
  'sessions that come and go': async (to) => {
    const session = freshOwner()
    return [await open(to, session), await to.ask('/v1/session/release', { session })]
  },
  'sessions that nobody knows': async (to) => [
    await to.ask('/v1/session/release', { session: freshOwner() }),
    await to.ask('/v1/session/heartbeat', { session: freshOwner() }),
  ],
}

/** 429 where there is no room, and 409 where there is no session. */
const ANSWERS = [200, 409, 429]

function open(to: IdleClients, session: string): Promise<Answer> {
  return to.ask('/v1/session/commands', { session, open: { info: INFO }, seq: 1, commands: [] })
}

test('strangers make the server keep no more than its limits', async () => {
  const server = await IdleServer.start({ limits: LIMITS })
  const strangers = new IdleClients(server)
  clients = strangers
  const run = async (from: number, to: number) => {
    for (let first = from; first < to; first += AT_ONCE) {
      for (const act of Object.values(STRANGERS)) {
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => act(strangers, first + index)))
        for (const { status } of answers.flat()) expect(ANSWERS).toContain(status)
      }
    }
  }
  await run(0, FILLING)
  const filled = await server.memory()
  await run(FILLING, FILLING + AFTER)
  const after = await server.memory()
  const growth = after.heap - filled.heap
  process.stderr.write(`memory: ${Math.round(growth / 1024)} KiB more after ${AFTER} strangers of each kind\n`)
  expect(growth).toBeLessThan(SLACK_BYTES)
}, 600_000)
