import { expect, it } from 'vitest'
import type { Browser, Page, User } from './drivers/browser.ts'
import { CHROMIUM, ENGINES } from './engines.ts'
import { isHeartbeat } from './gateway.ts'
import { type Ground, inEngines } from './in-engines.ts'
import type { BenchOptions, Look } from './page/bench.ts'
import type { Tab } from './tab.ts'
import { within } from './within.ts'

const LEASE_MS = 3_000
/** Its repetitions of a heartbeat that failed are soon 2.5 s apart or more. */
const PATIENT = { leaseDuration: 30_000, heartbeatInterval: 500 }
const FAILURES = 4
const AT_ONCE_MS = 2_000

/** Waits until so many heartbeats have failed. */
async function untilFailures(tab: Tab, count: number): Promise<void> {
  let from = 0
  for (let failures = 0; failures < count; failures += 1) {
    const { index } = await tab.until('event:heartbeat.failed', null, from)
    from = index + 1
  }
}

function expectHeld(look: Look): void {
  expect(look).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
}

/** It is lost when its deadline has come, before anybody else has it, and what has listened knows it. */
async function expectLostInTime(tab: Tab, name: string, grantedAt: number): Promise<void> {
  const lost = await tab.until('event:lost', name)
  const entries = await tab.entries()
  const told = entries.filter((each) => each.name === name && /^event:(granted|heartbeat\.ok)$/.test(each.what))
  const deadline = Math.max(...told.map(({ wall, detail }) => wall + (detail as { remainingMs: number }).remainingMs))
  const aborted = entries.find((each) => each.what === 'abort' && each.name === name)
  // Clocks of whole ms.
  expect(aborted?.wall).toBeGreaterThanOrEqual(deadline - 2)
  expect(aborted?.wall).toBeLessThanOrEqual(lost.wall)
  expect(aborted?.wall).toBeLessThan(grantedAt)
  expect(await tab.look(name)).toMatchObject({ state: 'lost', remaining: 0, aborted: true, assertHeld: 'threw' })
}

async function open<P extends Page>({ world, browser }: Ground<Browser<User<P>>>, options: Partial<BenchOptions>) {
  const gateway = await world.gateway()
  const tab = await world.openTab(await browser.newUser(), gateway, options)
  const name = crypto.randomUUID()
  await tab.hold(name)
  return { gateway, tab, name }
}

inEngines(ENGINES, 'a page whose server cannot be reached', (ground) => {
  it('for less than its lease keeps its lock, and says that it is offline', async () => {
    const { tab, gateway, name } = await open(ground, PATIENT)
    await tab.until('event:heartbeat.ok')
    await gateway.refuse()
    await untilFailures(tab, 1)
    const look = await tab.look(name)
    expectHeld(look)
    expect(look.health).toBe('offline')
    const from = (await tab.entries()).length
    await gateway.heal()
    await tab.until('event:heartbeat.ok', name, from)
    expect(await tab.look(name)).toMatchObject({ state: 'held', health: 'ok' })
  })

  it('for more than its lease loses its lock at its deadline, before anybody else has it', async () => {
    const { tab, gateway, name } = await open(ground, { leaseDuration: LEASE_MS })
    const granted = await ground.world.rival.queue(name)
    await gateway.refuse()
    const { wall } = await granted()
    await expectLostInTime(tab, name, wall)
  })
})

inEngines([CHROMIUM], 'a page that is offline', (ground) => {
  it('for less than its lease keeps its lock, and beats as soon as it is online', async () => {
    const { tab, gateway, name } = await open(ground, PATIENT)
    await tab.until('event:heartbeat.ok')
    await tab.page.setOffline(true)
    await tab.until('page:offline')
    await untilFailures(tab, FAILURES)
    const look = await tab.look(name)
    expectHeld(look)
    expect(look.health).toBe('offline')
    const beat = within(AT_ONCE_MS, 'a heartbeat', gateway.next(isHeartbeat))
    await tab.page.setOffline(false)
    await beat
    await tab.until('page:online')
    expectHeld(await tab.look(name))
  })

  it('for more than its lease loses its lock at its deadline, before anybody else has it', async () => {
    const { tab, name } = await open(ground, { leaseDuration: LEASE_MS })
    await tab.until('event:heartbeat.ok')
    const granted = await ground.world.rival.queue(name)
    await tab.page.setOffline(true)
    const { wall } = await granted()
    await expectLostInTime(tab, name, wall)
  })
})
