import { say } from './say.mjs'

/**
 * Says that the tests of an engine are skipped, and why. In CI they must not be, so there it throws.
 *
 * @param {string} engine
 * @param {string} advice how to get it.
 */
export function doWithout(engine, advice) {
  if (process.env.CI) throw new Error(`There is no ${engine}, and CI must have it. ${advice}`)
  say(`There is no ${engine}, so its tests are skipped. ${advice}`)
}
