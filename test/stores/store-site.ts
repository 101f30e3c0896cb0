import type { LockStore } from '../../src/server/store.ts'

/** An engine, or what stands for one, with the stores of two servers that use it. */
export interface StoreSite {
  /** Those of two servers; the same one twice where there can be only one. */
  readonly stores: readonly [LockStore, LockStore]
  /** Closes both stores, and opens them anew on what they have left. */
  reopen(): Promise<readonly [LockStore, LockStore]>
  /** Ends all of it. */
  end(): Promise<void>
}

/** What a kind of store promises. */
export interface StoreKind {
  readonly name: string
  /** Locks outlive the servers. */
  readonly isDurable: boolean
  readonly start: () => Promise<StoreSite>
}
