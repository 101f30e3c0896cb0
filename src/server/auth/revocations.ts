import type { ServerClock } from '../clock.ts'
import type { LockStore } from '../store.ts'
import type { KeptTokens, TokenSource } from './kept-tokens.ts'

/** A revocation that the store could not take is tried again after so long, in ms. */
const RETRY_MS = 1_000

export interface RevocationsContext {
  readonly clock: ServerClock
  readonly store: LockStore
  /** `null`: no tokens that come and go. */
  readonly keptTokens: { readonly source: TokenSource; readonly kept: KeptTokens } | null
  readonly onError: (error: unknown) => void
}

/**
 * Ends what tokens hold that are revoked or gone, at the start and whenever they change, until the store has taken it.
 * Returns a function that ends it.
 */
export function followRevocations({ clock, store, keptTokens, onError }: RevocationsContext): () => void {
  if (keptTokens === null) return () => undefined
  const { source, kept } = keptTokens
  const due = new Set<string>()
  let isEnded = false
  let cancelTimer = () => {}
  const revokeAll = async () => {
    cancelTimer()
    for (const subject of [...due]) {
      if (isEnded) return
      try {
        await store.revoke({ subject })
        due.delete(subject)
      } catch (error) {
        if (isEnded) return
        onError(error)
        cancelTimer()
        cancelTimer = clock.setTimer(() => void revokeAll(), RETRY_MS)
        return
      }
    }
  }
  const take = (subjects: readonly string[]) => {
    for (const subject of subjects) due.add(subject)
    void revokeAll()
  }
  // A store that keeps locks over a restart may have some of theirs.
  take(kept.revoked())
  const unwatch = source.watch(() => take(kept.update()))
  return () => {
    isEnded = true
    unwatch()
    cancelTimer()
  }
}
