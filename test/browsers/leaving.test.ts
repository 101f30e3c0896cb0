import { expect, it } from 'vitest'
import { CHROMIUM, ENGINES, FIREFOX } from './engines.ts'
import { type GatewayOptions, isHeartbeat } from './gateway.ts'
import { inEngines } from './in-engines.ts'
import type { BenchOptions } from './page/bench.ts'
import type { Tab } from './tab.ts'
import { within } from './within.ts'

/** ms within which a lock must be released that nobody wants any more. */
const SOON_MS = 1_000
const LEASE_MS = 2_000

/** The ways of holding a lock, each with requests of its own to hand it back. */
const HOLDINGS: readonly [string, GatewayOptions, Partial<BenchOptions>][] = [
  ['in a session', {}, {}],
  ['with a lease of its own', { sessions: false }, {}],
  ['in the classic dialect', {}, { dialect: 'classic' }],
]

inEngines(ENGINES, 'a lock that is held', (ground) => {
  for (const [holding, server, options] of HOLDINGS) {
    async function expectRelease(leave: (tab: Tab) => Promise<unknown>): Promise<Tab> {
      const { world, browser } = ground
      const name = crypto.randomUUID()
      const tab = await world.openTab(await browser.newUser(), await world.gateway(server), options)
      await tab.hold(name)
      const granted = await world.rival.queue(name)
      const released = granted()
      await leave(tab)
      await within(SOON_MS, 'the release', released)
      return tab
    }

    it(`${holding} is released when its tab is closed`, async () => {
      await expectRelease(({ page }) => page.close())
    })

    it(`${holding} is released when its page is left for another one`, async () => {
      await expectRelease(({ page }) => page.goto(ground.world.elsewhere))
    })
  }
})

inEngines(ENGINES, 'a page in the back-forward cache', (ground, engine) => {
  // Firefox does not keep a page there that has a Web Lock.
  const options = engine === FIREFOX ? { preventFreezing: false } : {}

  it('has released its lock, knows so when it comes back, and can acquire anew', async () => {
    const { world, browser } = ground
    const name = crypto.randomUUID()
    const tab = await world.openTab(await browser.newUser(), await world.gateway(), options)
    const first = await tab.hold(name)
    const granted = await world.rival.queue(name)
    await tab.page.goto(world.elsewhere)
    const { lease } = await granted()

    await tab.back()
    const shown = await tab.entries('page:pageshow')
    expect(shown.map(({ detail }) => detail)).toEqual([{ persisted: false }, { persisted: true }])
    expect(await tab.look(name)).toMatchObject({ state: 'lost', aborted: true, remaining: 0, assertHeld: 'threw' })
    expect(await tab.entries('loss')).toHaveLength(1)

    const again = tab.hold(name)
    await lease.release()
    expect(await again).toBeGreaterThan(Number(first))
    expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false })
  })
})

inEngines([CHROMIUM], 'a page whose renderer crashes', (ground) => {
  it('leaves its lock to the next in the queue when its lease runs out', async () => {
    const { world, browser } = ground
    const name = crypto.randomUUID()
    const gateway = await world.gateway()
    const tab = await world.openTab(await browser.newUser(), gateway, { leaseDuration: LEASE_MS })
    await tab.hold(name)
    const granted = await world.rival.queue(name)
    await gateway.next(isHeartbeat)
    await tab.page.crash()
    const { wall } = await granted()
    // What was renewed last runs out by itself, and nothing has renewed it meanwhile.
    const last = gateway.seen.filter(isHeartbeat).at(-1)
    expect(wall - (last?.wall ?? 0)).toBeGreaterThanOrEqual(LEASE_MS - 10)
  })
})
