import { afterAll, beforeAll, describe } from 'vitest'
import type { Browser } from './drivers/browser.ts'
import type { Engine } from './engines.ts'
import { World, type WorldOptions } from './world.ts'

/** What the tests of one engine share. To be read within a test, when it is there. */
export interface Ground<B extends Browser = Browser> {
  readonly world: World
  readonly browser: B
}

/** Describes something in each of `engines`, side by side; skips those that this machine cannot have. */
export function inEngines<B extends Browser>(
  engines: readonly Engine<B>[],
  title: string,
  define: (ground: Ground<B>, engine: Engine<B>) => void,
  options?: WorldOptions,
): void {
  for (const engine of engines) {
    const missing = engine.isHere ? '' : ', which this machine does not have'
    const describeHere = engine.isHere ? describe.concurrent : describe.skip
    describeHere(`in ${engine.name}${missing}: ${title}`, () => {
      let world: World | undefined
      let browser: B | undefined

      beforeAll(async () => {
        ;[world, browser] = await Promise.all([World.create(options), engine.launch()])
      })

      afterAll(async () => {
        await browser?.close()
        await world?.[Symbol.asyncDispose]()
      })

      define(
        {
          get world() {
            return there(world)
          },
          get browser() {
            return there(browser)
          },
        },
        engine,
      )
    })
  }
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('It is there within a test only.')
  return part
}
