/** What a store must know of the one that was there before it. */
export interface MarkState {
  /** Whole ms: whatever was promised runs out this long after the earlier store went, or sooner. */
  readonly longestLeaseMs: number
  /** No fencing token that was given is larger. */
  readonly tokensUpTo: number
}

/**
 * The little that a store in memory leaves behind: how long the next one has to wait, and where its tokens begin.
 *
 * A mark belongs to one store at a time. It is written within the step that needs it, so `write` is synchronous.
 */
export interface Mark {
  /** What was written last; `null` if nothing ever was: a first start. Throws if that is not known. */
  read(): MarkState | null
  /** Returns when `state` would survive a crash of the machine, and throws if that is not certain. */
  write(state: MarkState): void
  /** Makes way for the next store. */
  close(): void
}
