import { StoreUnavailableError } from '../../src/server/store.ts'

/** What `step` resolves with, once the store can be reached again. */
export async function reachable<Outcome>(step: () => Promise<Outcome>): Promise<Outcome> {
  for (;;) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
    }
  }
}
