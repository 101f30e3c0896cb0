import { setTimeout as sleep } from 'node:timers/promises'

export interface UntilOptions {
  /** ms; default 30,000. */
  readonly within?: number
  /** ms between two looks; default 25. */
  readonly every?: number
  /** What is added to the error. */
  readonly explain?: () => string
}

/** Looks until there is something: resolves to it. Throws what `look` threw last if that takes too long. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | null | undefined | false>,
  { within = 30_000, every = 25, explain = () => '' }: UntilOptions = {},
): Promise<Found> {
  const end = performance.now() + within
  for (;;) {
    let cause: unknown
    try {
      const found = await look()
      if (found !== null && found !== undefined && found !== false) return found
    } catch (error) {
      cause = error
    }
    if (performance.now() > end) throw new Error(`${what} did not happen within ${within} ms. ${explain()}`, { cause })
    await sleep(every)
  }
}
