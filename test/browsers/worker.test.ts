import { expect, it } from 'vitest'
import { ENGINES } from './engines.ts'
import { type Gateway, isHeartbeat } from './gateway.ts'
import { type Ground, inEngines } from './in-engines.ts'
import type { BenchOptions } from './page/bench.ts'
import type { Tab } from './tab.ts'
import { within } from './within.ts'

/** Heartbeats are 3 s apart. */
const LEASE_MS = 9_000
const INTERVAL_MS = LEASE_MS / 3
const SHORT_LEASE_MS = 3_000

interface Holder {
  readonly tab: Tab
  readonly gateway: Gateway
  readonly name: string
}

async function hold({ world, browser }: Ground, options: Partial<BenchOptions>): Promise<Holder> {
  const gateway = await world.gateway()
  const tab = await world.openTab(await browser.newUser(), gateway, options)
  const name = crypto.randomUUID()
  await tab.hold(name)
  return { tab, gateway, name }
}

/** Which thread sends the heartbeats, as the page was told, and what of workers, in order. */
async function told(tab: Tab): Promise<readonly string[]> {
  const entries = await tab.entries()
  return entries.flatMap(({ what, detail }) => {
    if (what === 'event:worker.lost') return ['lost']
    return what === 'event:heartbeat.thread' ? [(detail as { thread: string }).thread] : []
  })
}

async function expectHeld({ tab, name }: Holder): Promise<void> {
  expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
  expect(await tab.entries('event:lost')).toEqual([])
}

/** The page itself keeps the lock, for longer than a lease. */
async function expectPageBeats(holder: Holder): Promise<void> {
  const { tab, gateway } = holder
  await gateway.next(isHeartbeat, 4)
  expect((await tab.entries('fetch:/v1/session/heartbeat')).length).toBeGreaterThanOrEqual(4)
  expect(await told(tab)).toEqual(['lost', 'page'])
  await expectHeld(holder)
}

inEngines(
  ENGINES,
  'a page whose Content Security Policy forbids workers',
  (ground) => {
    it('keeps its lock from its main thread, and is told so once', async () => {
      await expectPageBeats(await hold(ground, { leaseDuration: SHORT_LEASE_MS }))
    })
  },
  { headers: { 'content-security-policy': "worker-src 'none'" } },
)

inEngines(
  ENGINES,
  'a page whose Content Security Policy forbids workers but of files',
  (ground) => {
    it('keeps its lock from the file of the package', async () => {
      const holder = await hold(ground, { leaseDuration: SHORT_LEASE_MS })
      await holder.gateway.next(isHeartbeat, 4)
      expect((await told(holder.tab)).at(-1)).toBe('worker')
      await expectHeld(holder)
    })
  },
  { headers: { 'content-security-policy': "worker-src 'self'" } },
)

inEngines(ENGINES, 'a page', (ground) => {
  it('whose worker is not where it should be keeps its lock from its main thread, and is told so once', async () => {
    await expectPageBeats(await hold(ground, { leaseDuration: SHORT_LEASE_MS, worker: './nothing-there.js' }))
  })

  it.each(['closes', 'throws', 'hangs', 'is terminated'] as const)(
    'whose worker %s beats by itself within an interval, and from another worker soon',
    async (death) => {
      const holder = await hold(ground, { leaseDuration: LEASE_MS, worker: 'mortal' })
      const { tab, gateway } = holder
      await within(2 * INTERVAL_MS, 'the first heartbeat', gateway.next(isHeartbeat))
      const beat = within(INTERVAL_MS, 'the heartbeat of the page', gateway.next(isHeartbeat))
      await tab.run((bench, how: typeof death) => bench.killWorker(how), death)
      await beat
      expect((await tab.entries('fetch:/v1/session/heartbeat')).length).toBeGreaterThanOrEqual(1)

      const lost = await tab.until('event:worker.lost')
      const page = await tab.until('event:heartbeat.thread', null, lost.index)
      await tab.until('event:heartbeat.thread', null, page.index + 1)
      expect(await told(tab)).toEqual(['worker', 'lost', 'page', 'worker'])
      await expectHeld(holder)
    },
  )
})
