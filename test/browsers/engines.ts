import { findChromium, findFirefox, findWebKit } from '../../scripts/find-programs.mjs'
import type { Browser } from './drivers/browser.ts'
import { Chromium } from './drivers/chromium.ts'
import { Firefox } from './drivers/firefox.ts'
import { WebKit } from './drivers/webkit.ts'

/** A browser engine that the tests know how to drive. */
export interface Engine<B extends Browser = Browser> {
  readonly name: string
  /** Whether this machine has it; `npm test` says so if it cannot be had. */
  readonly isHere: boolean
  launch(): Promise<B>
}

export const CHROMIUM: Engine<Chromium> = {
  name: 'Chromium',
  isHere: findChromium() !== null,
  launch: () => Chromium.launch(),
}
export const FIREFOX: Engine = { name: 'Firefox', isHere: findFirefox() !== null, launch: () => Firefox.launch() }
export const WEBKIT: Engine = { name: 'WebKitGTK', isHere: findWebKit() !== null, launch: () => WebKit.launch() }
export const ENGINES: readonly Engine[] = [CHROMIUM, FIREFOX, WEBKIT]
