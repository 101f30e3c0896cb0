import { expect, it } from 'vitest'
import { CHROMIUM, FIREFOX, WEBKIT } from './engines.ts'
import { isHeartbeat } from './gateway.ts'
import { type Ground, inEngines } from './in-engines.ts'
import type { Tab } from './tab.ts'

const LEASE_MS = 3_000
/** Three leases. */
const BLOCK_MS = 3 * LEASE_MS

/** Blocks the page's main thread; resolves when that is over, to when it was. */
async function block(tab: Tab): Promise<{ begun: number; ended: number; index: number }> {
  await tab.run((bench, ms: number) => bench.block(ms), BLOCK_MS)
  const { wall, index } = await tab.until('block ends')
  return { begun: wall - BLOCK_MS, ended: wall, index }
}

async function open({ world, browser }: Ground, stallTimeout?: number) {
  const name = crypto.randomUUID()
  const gateway = await world.gateway()
  const tab = await world.openTab(await browser.newUser(), gateway, { leaseDuration: LEASE_MS })
  await tab.hold(name, stallTimeout === undefined ? {} : { stallTimeout })
  await tab.until('event:heartbeat.thread')
  return { name, gateway, tab }
}

inEngines([CHROMIUM, FIREFOX], 'a page whose main thread is blocked for three leases', (ground) => {
  it('keeps its lock, since its worker beats meanwhile', async () => {
    const { name, gateway, tab } = await open(ground)
    const { begun, ended, index } = await block(tab)
    const beats = gateway.seen.filter((seen) => isHeartbeat(seen) && seen.wall > begun && seen.wall < ended)
    // More than one in each lease; the thread that was blocked sent none of them.
    expect(beats.length).toBeGreaterThan(BLOCK_MS / LEASE_MS)
    expect(await ground.world.rival.isHeld(name)).toBe(true)
    // Whoever asks before the renewals could be heard is told that the lock is lost.
    await tab.until('event:heartbeat.ok', name, index)
    expect(await tab.look(name)).toMatchObject({ state: 'held', aborted: false, assertHeld: 'returned' })
    expect((await tab.entries()).map(({ what }) => what)).not.toContain('event:lost')
  })

  it('loses its lock meanwhile to whoever waits, if its stallTimeout is shorter', async () => {
    const { name, tab } = await open(ground, LEASE_MS / 2)
    const granted = await ground.world.rival.queue(name)
    const { ended } = await block(tab)
    expect((await granted()).wall).toBeLessThan(ended)
    expect(await tab.look(name)).toMatchObject({ state: 'lost', aborted: true, assertHeld: 'threw' })
  })
})

// The requests of its workers go by way of the main thread, so nothing can beat while that is blocked.
inEngines([WEBKIT], 'a page whose main thread is blocked for three leases', (ground) => {
  it('loses its lock to whoever waits, and knows so in the first task after it', async () => {
    const { name, tab } = await open(ground)
    const granted = await ground.world.rival.queue(name)
    const { ended } = await block(tab)
    expect((await granted()).wall).toBeLessThan(ended)
    expect(await tab.look(name)).toMatchObject({ state: 'lost', aborted: true, assertHeld: 'threw' })
  })
})
