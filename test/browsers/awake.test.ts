import { it } from 'vitest'
import { CHROMIUM, FIREFOX } from './engines.ts'
import { inEngines } from './in-engines.ts'
import type { Tab } from './tab.ts'

/** The modes of the Web Locks that this page holds against being frozen. */
async function awake(tab: Tab): Promise<readonly string[]> {
  const held = (await tab.page.evaluate(
    "navigator.locks.query().then(({ held }) => held.filter(({ name }) => name.startsWith('lockable:awake:')).map(({ mode }) => mode))",
  )) as string[]
  return held
}

inEngines([CHROMIUM, FIREFOX], 'a page', (ground, engine) => {
  it('has one Web Lock against being frozen as long as it holds anything, where pages are frozen', async ({
    expect,
  }) => {
    const { world, browser } = ground
    const tab = await world.openTab(await browser.newUser(), await world.gateway())
    await expect.poll(() => awake(tab)).toEqual([])
    const [one, two] = [crypto.randomUUID(), crypto.randomUUID()]
    await tab.hold(one)
    await tab.hold(two)
    await expect.poll(() => awake(tab)).toEqual(engine === CHROMIUM ? ['shared'] : [])
    await tab.run((bench, name: string) => bench.release(name), one)
    await expect.poll(() => awake(tab)).toEqual(engine === CHROMIUM ? ['shared'] : [])
    await tab.run((bench, name: string) => bench.release(name), two)
    await expect.poll(() => awake(tab)).toEqual([])
  })

  it('has none if that is not wanted', async ({ expect }) => {
    const { world, browser } = ground
    const tab = await world.openTab(await browser.newUser(), await world.gateway(), { preventFreezing: false })
    await tab.hold(crypto.randomUUID())
    await expect.poll(() => awake(tab)).toEqual([])
  })
})
