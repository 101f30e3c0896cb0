import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { Random } from '../simulation/random.ts'
import { beliefsIn, contradictions } from './beliefs.ts'
import { ClientProcess } from './client-process.ts'
import { Contender } from './contender.ts'
import { GuardedResource } from './guarded-resource.ts'
import { markFile, type ServerProcess, startServer } from './server-process.ts'
import { now } from './shared-clock.ts'
import { allOf, readTale, type Told } from './tale.ts'
import { together } from './together.ts'
import { type Trouble, TroubledClient } from './troubled-client.ts'

const NAMES = ['chaos-a', 'chaos-b', 'chaos-c']
const CLIENTS = 8
const STORM_MS = 5_500
const SERVER_LIFE_MS = STORM_MS / 2
const CALM_MS = { least: 300, most: 1_200 }
/** For a client to hold a lock, which is the best moment for trouble. */
const LURK_MS = 600
const TROUBLE_MS = { least: 200, most: 1_500 }
/** The more often one stands here, the more often it comes. */
const TROUBLES: readonly Trouble[] = ['stop', 'stop', 'stop', 'kill', 'kill', 'black-hole', 'black-hole', 'refuse']
/** Shorter than elsewhere, since here a loss is as good as a hold. */
const LEASE_MS = 1_000
/** Within this everybody is granted who waits, also behind a queue of the dead. */
const BOUND_MS = 20_000
/** With it all kinds of trouble come first to somebody. Real time makes each run another one nevertheless. */
const SEED = 9

it('keeps its promise to many clients that are stopped, killed and cut off, and whose server is killed', async () => {
  const mark = ['--mark', markFile('chaos')]
  const server = await startServer(mark)
  const resource = await GuardedResource.listen()
  onTestFinished(() => resource.close())
  const folder = await mkdtemp(join(tmpdir(), 'lockable-chaos-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const log = join(folder, 'tale.jsonl')
  const start = (url: string) => new ClientProcess('contend', url, resource.url, log, LEASE_MS, ...NAMES)

  await together([storm(server.url, start, resource), restart(server, mark)])
  const afterwards = NAMES.map((name) => new Contender(server.url, name))
  for (const contender of afterwards) expect(await contender.acquire(BOUND_MS)).not.toBeNull()

  const tale = readTale(await readFile(log, 'utf8'))
  expect(contradictions(beliefsIn(tale))).toEqual([])
  expect(allOf(tale, 'contradiction')).toEqual([])
  expect(unequalLosses(tale)).toEqual([])
  expectInOrder(resource)
  report(tale, resource)
  expectActivity(tale)
})

/** Kills the server while the storm is on, and starts another one that knows nothing but the mark. */
async function restart(server: ServerProcess, mark: readonly string[]): Promise<void> {
  await sleep(SERVER_LIFE_MS)
  await server.kill()
  await startServer(mark, { at: server.url })
}

async function storm(target: string, start: (url: string) => ClientProcess, resource: GuardedResource): Promise<void> {
  const random = new Random(SEED)
  const until = now() + STORM_MS
  await together(
    Array.from({ length: CLIENTS }, async (_, index) => {
      const own = random.fork(index)
      const client = await TroubledClient.begin(target, random.fork(CLIENTS + index), start)
      while (now() < until) {
        await sleep(own.between(CALM_MS.least, CALM_MS.most))
        await Promise.race([resource.nextWriteOf(await client.id()), sleep(LURK_MS)])
        if (now() > until) break
        await client.suffer(own.pick(TROUBLES), own.between(TROUBLE_MS.least, TROUBLE_MS.most))
      }
      await client.end()
    }),
  )
}

/** The processes that came to their end, and did not tell of each loss once. */
function unequalLosses(tale: readonly Told[]): readonly object[] {
  const ended = new Set(allOf(tale, 'ended').map(({ who }) => who))
  const counts = [...ended].map((who) => {
    const own = tale.filter((each) => each.who === who)
    const over = [...allOf(own, 'aborted'), ...allOf(own, 'too late')].length
    return { who, over, lost: allOf(own, 'lost').length, called: allOf(own, 'onLockLoss').length }
  })
  return counts.filter(({ over, lost, called }) => over !== lost || lost !== called)
}

/** That no write with an older token came after one with a newer one. */
function expectInOrder({ writes }: GuardedResource): void {
  for (const name of NAMES) {
    const tokens = writes.filter((each) => each.accepted && each.name === name).map(({ token }) => token)
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
  }
}

/** That there was something to see: every lock was held, and somebody was killed. */
function expectActivity(tale: readonly Told[]): void {
  const granted = new Set(beliefsIn(tale).map(({ name }) => name))
  expect([...granted].toSorted()).toEqual(NAMES)
  expect(new Set(tale.map(({ who }) => who)).size).toBeGreaterThan(CLIENTS)
}

function report(tale: readonly Told[], { writes }: GuardedResource): void {
  const processes = new Set(tale.map(({ who }) => who)).size
  const refused = writes.filter(({ accepted }) => !accepted).length
  process.stdout.write(
    `${processes} processes had ${beliefsIn(tale).length} beliefs and ${allOf(tale, 'aborted').length} losses; ` +
      `${refused} of ${writes.length} writes were too old.\n`,
  )
}
