import { expect, it } from 'vitest'
import type { Browser } from './drivers/browser.ts'
import { Chromium, type ChromiumPage } from './drivers/chromium.ts'
import { CHROMIUM, ENGINES } from './engines.ts'
import { type Gateway, isHeartbeat, isTick } from './gateway.ts'
import { type Ground, inEngines } from './in-engines.ts'
import type { BenchOptions } from './page/bench.ts'
import type { Entry } from './page/log.ts'
import type { Grant } from './rival.ts'
import type { Tab } from './tab.ts'
import { within } from './within.ts'

/** After 10 s instead of a minute, Chromium lets the timers of hidden pages fire once a minute. */
const HASTE = [
  '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10,QuickIntensiveWakeUpThrottlingAfterLoading',
]
/** Chromium takes a page that has painted nothing for one that still loads, and waits for five minutes. */
const PAINTED =
  "new Promise((done) => new PerformanceObserver(() => done()).observe({ type: 'paint', buffered: true }))"
/** A page whose timer of 1 s is silent for so long is throttled. */
const SILENT_MS = 10_000
const TICK_MS = 1_000
/** Within so many ms it is throttled. */
const PATIENCE_MS = 75_000

const HOLDERS: readonly [string, Partial<BenchOptions>, number][] = [
  ['its lock by its worker', { leaseDuration: 4_500 }, 4],
  // From the page, a timer that a reply has set is not throttled like one that a timer has set.
  ['its lock of 60 s without a worker', { leaseDuration: 60_000, heartbeatInterval: 4_000, worker: 'off' }, 2],
]

const HASTY = [{ ...CHROMIUM, launch: () => Chromium.launch(HASTE) }]

for (const [what, options, beats] of HOLDERS) {
  inEngines(HASTY, 'a hidden page whose timers are throttled', (ground) => {
    it(`keeps ${what}`, async () => {
      const { world, browser } = ground
      const user = await browser.newUser()
      const gateway = await world.gateway()
      const tab = await world.openTab(user, gateway, options)
      const name = crypto.randomUUID()
      await tab.hold(name)
      await tab.run((bench, [url, ms]: [string, number]) => bench.tick(url, ms), [gateway.url, TICK_MS])
      await tab.page.evaluate(PAINTED)
      await user.newPage()
      await tab.until('event:page.hidden')

      // The page is not asked meanwhile, since that might wake it: its timer asks the server.
      const silence = within(PATIENCE_MS, 'a page whose timers are throttled', gateway.silence(isTick, SILENT_MS))
      const { from, to } = await silence
      const sent = gateway.seen.filter((seen) => isHeartbeat(seen) && seen.wall > from && seen.wall < to)
      expect(sent.length).toBeGreaterThanOrEqual(beats)
      expect(await tab.page.evaluate('document.visibilityState')).toBe('hidden')
      expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
      expect(await tab.entries('event:lost')).toEqual([])
      expect(await world.rival.isHeld(name)).toBe(true)
    })
  })
}

const LEASE_MS = 5_000
/** Long enough that it shows plainly at the server. */
const NAP_MS = 1_200
/** Where a heartbeat is due only after 30 s, one that comes within 5 s is one that did not wait for its turn. */
const PATIENT = { leaseDuration: 60_000, heartbeatInterval: 30_000 }
const AT_ONCE_MS = 5_000

interface Sleeper {
  readonly name: string
  readonly tab: Tab
  /** Waits for the lock meanwhile. */
  readonly granted: () => Promise<Grant>
}

/** What the page remembers of the time before it slept, and of the time since. */
function split(entries: readonly Entry[], awake: number): { before: readonly Entry[]; after: readonly Entry[] } {
  const index = entries.findIndex(({ wall }) => wall >= awake)
  return { before: entries.slice(0, index), after: entries.slice(index) }
}

/** Until when the page could believe, by what it was told before it slept. */
function beliefEnd(entries: readonly Entry[], name: string): number {
  const told = entries.filter((each) => each.name === name && /^event:(granted|heartbeat\.ok)$/.test(each.what))
  return Math.max(...told.map(({ wall, detail }) => wall + (detail as { remainingMs: number }).remainingMs))
}

const isByLibrary = ({ what }: Entry) => /^(event|store|fetch|loss|heartbeat exception)/.test(what)

/** Two beliefs did not overlap, and whoever asked or listened after the sleep learnt the truth first. */
async function expectLost({ name, tab, granted }: Sleeper, awake: number, looks: boolean): Promise<void> {
  await tab.until('event:lost', name)
  const { before, after } = split(await tab.entries(), awake)
  expect((await granted()).wall).toBeGreaterThan(beliefEnd(before, name))

  const order = after.map(({ what }) => what)
  const aborted = order.indexOf('abort')
  expect(order.filter((what) => what === 'abort')).toHaveLength(1)
  expect(order.filter((what) => what === 'loss')).toHaveLength(1)
  // Before the abort the library has called nobody, and sent nothing.
  expect(after.slice(0, aborted).filter(isByLibrary)).toEqual([])
  expect(order.indexOf('loss')).toBeGreaterThan(aborted)

  const seen = after.filter(({ what }) => what === 'look').map(({ detail }) => detail)
  expect(seen.length > 0).toBe(looks)
  for (const look of seen) {
    expect(look).toMatchObject({ aborted: true, state: 'lost', remaining: 0, assertHeld: 'threw' })
  }
}

inEngines([CHROMIUM], 'a hidden page that is frozen', (ground) => {
  async function open(options: object): Promise<{ tab: Tab<ChromiumPage>; gateway: Gateway; name: string }> {
    const { world, browser } = ground as Ground<Chromium>
    const user = await browser.newUser()
    const gateway = await world.gateway()
    const tab = await world.openTab(user, gateway, options)
    const name = crypto.randomUUID()
    await tab.hold(name)
    await user.newPage()
    await tab.until('event:page.hidden')
    return { tab, gateway, name }
  }

  it.each([true, false])(
    'past its lease has lost its lock before it does anything; it looks itself: %s',
    async (looks) => {
      const { tab, name } = await open({ leaseDuration: LEASE_MS, looks })
      const granted = await ground.world.rival.queue(name)
      await tab.page.freeze()
      await granted()
      const awake = Date.now()
      await tab.page.resume()
      await expectLost({ name, tab, granted }, awake, looks)
      expect(await tab.entries('page:freeze')).toHaveLength(1)
    },
  )

  it('for less than its lease keeps its lock, and beats as soon as it runs again', async () => {
    const { tab, gateway, name } = await open(PATIENT)
    await tab.page.freeze()
    const seen = gateway.seen.length
    await sleep(NAP_MS)
    expect(gateway.since(seen, isHeartbeat)).toEqual([])
    const beat = within(AT_ONCE_MS, 'a heartbeat', gateway.next(isHeartbeat))
    await tab.page.resume()
    await beat
    expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
    expect(await tab.entries('event:lost')).toEqual([])
  })
})

inEngines(ENGINES, 'a page of a browser whose machine sleeps', (ground: Ground<Browser>) => {
  /** All pages of the browser sleep at once, so all tests look at the same sleep. */
  let slept: ReturnType<typeof sleepOnce> | undefined

  async function sleepOnce() {
    const { world, browser } = ground
    const user = await browser.newUser()
    async function open(options: object) {
      const name = crypto.randomUUID()
      const gateway = await world.gateway()
      const tab = await world.openTab(user, gateway, options)
      await tab.hold(name)
      return { name, gateway, tab, granted: await world.rival.queue(name) }
    }
    const patient = await open(PATIENT)
    const looking = await open({ leaseDuration: LEASE_MS, looks: true })
    const listening = await open({ leaseDuration: LEASE_MS })
    browser.stop()
    await Promise.all([looking, listening].map(({ granted }) => granted()))
    const beat = within(AT_ONCE_MS, 'a heartbeat', patient.gateway.next(isHeartbeat)).catch((error: unknown) => error)
    const awake = Date.now()
    browser.resume()
    return { patient, looking, listening, awake, beat }
  }

  function oneSleep() {
    slept ??= sleepOnce()
    return slept
  }

  it('past its lease has lost its lock before it does anything', async () => {
    const { looking, listening, awake } = await oneSleep()
    await expectLost(looking, awake, true)
    await expectLost(listening, awake, false)
  })

  it('for less than its lease keeps its lock', async () => {
    const { name, tab } = (await oneSleep()).patient
    expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
    expect(await tab.entries('event:lost')).toEqual([])
  })

  it('for less than its lease beats as soon as it runs again', async () => {
    const { beat } = await oneSleep()
    expect(await beat).not.toBeInstanceOf(Error)
  })
})

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
