import { createFileStore, openMark } from '../server/node.ts'
import type { LockStore } from '../server/store.ts'
import { createEtcdStore } from '../server/stores/etcd.ts'
import { createMemoryStore } from '../server/stores/memory.ts'
import { createPostgresStore } from '../server/stores/postgres.ts'
import type { StoreAddress } from './store-address.ts'

/** A store as the command knows it. */
export interface OpenedStore extends LockStore {
  readonly lastToken: number
  /** How long a memory store grants nothing yet, in ms. */
  readonly graceMs?: number
}

export interface OpenStoreOptions {
  /** The path of a memory store's mark. */
  readonly mark?: string
  /** How long a memory store grants nothing at first, in ms. Default 0. */
  readonly grace?: number
  readonly tokenFloor?: number
  /** Told of errors that are the store's own, with what follows from them or where they happened. */
  readonly onError: (what: string, error: unknown) => void
}

/** Opens the store at an address. Rejects with an `Error` that says what to do. */
export function openStore(address: StoreAddress, options: OpenStoreOptions): Promise<OpenedStore> {
  switch (address.kind) {
    case 'memory':
      return openMemory(options)
    case 'file':
      return createFileStore(address.path, keeping(options, 'the store is closed, restart the server'))
    case 'postgres':
      return createPostgresStore(address.url, keeping(options, 'the database'))
    case 'etcd':
      return createEtcdStore(address.url, keeping(options, 'the cluster'))
  }
}

async function openMemory({ mark, grace = 0, tokenFloor = 0, onError }: OpenStoreOptions): Promise<OpenedStore> {
  return createMemoryStore({
    grace,
    tokenFloor,
    onError: (error) => onError('nothing new is granted', error),
    ...(mark !== undefined && { mark: openMark(mark) }),
  })
}

/** What is told to every store that keeps its locks. */
function keeping({ tokenFloor = 0, onError }: OpenStoreOptions, what: string) {
  return { tokenFloor, onError: (error: unknown) => onError(what, error) }
}
