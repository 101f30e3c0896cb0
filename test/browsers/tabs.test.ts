import { expect, it } from 'vitest'
import type { User } from './drivers/browser.ts'
import { CHROMIUM, ENGINES, FIREFOX, WEBKIT } from './engines.ts'
import { type Gateway, isHeartbeat, isPoll, isStream } from './gateway.ts'
import { type Ground, inEngines } from './in-engines.ts'
import type { Tab } from './tab.ts'
import { within } from './within.ts'

const LEASE_MS = 6_000
const TABS = 10
/** ms that an ordinary request may take; one that has to wait for a connection takes longer than any lease. */
const PROMPT_MS = 3_000

/** Opens a page that waits for the lock, and is known to do so at the server. */
async function queue({ world }: Ground, user: User, gateway: Gateway, name: string): Promise<Tab> {
  const tab = await world.openTab(user, gateway, { leaseDuration: LEASE_MS })
  await tab.run((bench, asked: string) => bench.queue(asked), name)
  await tab.until('event:acquire.waiting', name)
  return tab
}

/** The first releases, the second hears of it without having asked. */
async function expectHandOff(ground: Ground, first: User, second: User): Promise<void> {
  const name = crypto.randomUUID()
  const gateway = await ground.world.gateway()
  const holder = await ground.world.openTab(first, gateway, { leaseDuration: LEASE_MS })
  const token = await holder.hold(name)
  const waiter = await queue(ground, second, gateway, name)
  await until(() => gateway.open(isStream) > 0)
  expect(await ground.world.rival.isHeld(name)).toBe(true)
  expect(await waiter.entries('event:granted')).toEqual([])

  const seen = gateway.seen.length
  await holder.run((bench, asked: string) => bench.release(asked), name)
  const { detail } = await waiter.until('event:granted', name)
  expect(gateway.since(seen, isPoll)).toEqual([])
  expect((detail as { fencingToken: number }).fencingToken).toBeGreaterThan(Number(token))
  expect(await waiter.look(name)).toMatchObject({ state: 'held', aborted: false })
  expect(await holder.look(name)).toMatchObject({ state: 'released' })
}

inEngines(ENGINES, 'two tabs of one user', (ground) => {
  it('have one holder, and the other hears of the release without asking', async () => {
    const user = await ground.browser.newUser()
    await expectHandOff(ground, user, user)
  })
})

// The driver of WebKitGTK has but one user.
inEngines([CHROMIUM, FIREFOX], 'two users, or one with a private window', (ground) => {
  it('have one holder, and the other hears of the release without asking', async () => {
    await expectHandOff(ground, await ground.browser.newUser(), await ground.browser.newUser())
  })
})

inEngines([CHROMIUM, FIREFOX, WEBKIT], 'ten tabs of one browser over HTTP/1.1 that all want one lock', (ground) => {
  it('starve nobody, have one stream for all, and get it in the order in which they asked', async () => {
    const { world, browser } = ground
    const name = crypto.randomUUID()
    const gateway = await world.gateway()
    const user = await browser.newUser()
    const holder = await world.openTab(user, gateway, { leaseDuration: LEASE_MS })
    await holder.hold(name)
    const waiters: Tab[] = []
    while (waiters.length < TABS - 1) waiters.push(await queue(ground, user, gateway, name))
    await until(() => gateway.open(isStream) > 0)

    await within(LEASE_MS, 'two heartbeats', gateway.next(isHeartbeat, 2))
    expect(await world.request(holder, gateway, '/v1')).toBeLessThan(PROMPT_MS)
    expect(gateway.open(isStream)).toBe(1)
    expect(await holder.look(name)).toMatchObject({ state: 'held', aborted: false })

    const tokens: unknown[] = []
    let last = holder
    for (const waiter of waiters) {
      await last.run((bench, asked: string) => bench.release(asked), name)
      const { detail } = await waiter.until('event:granted', name)
      expect(gateway.open(isStream)).toBeLessThanOrEqual(1)
      tokens.push((detail as { fencingToken: number }).fencingToken)
      last = waiter
    }
    // Who came later has the larger one, and nobody came in between.
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a) - Number(b)))
    expect(await last.look(name)).toMatchObject({ state: 'held' })
  })
})

/** Waits for something that the server sees but does not tell. */
async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 1; !holds(); attempt += 1) {
    if (attempt > 500) throw new Error('It has not come about within 10 s.')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
