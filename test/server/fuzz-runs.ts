/** Long enough for a thousand times what the suite runs. */
export const FUZZ_TIMEOUT_MS: number = 3_600_000

/** How often a property is tried: `times` in the suite, and as many times more as `LOCKABLE_FUZZ` says. */
export function fuzzRuns(times: number): number {
  const factor = Number(process.env.LOCKABLE_FUZZ ?? 1)
  if (!(factor > 0)) throw new Error(`LOCKABLE_FUZZ is "${process.env.LOCKABLE_FUZZ}": give by how much to multiply.`)
  return Math.ceil(times * factor)
}
