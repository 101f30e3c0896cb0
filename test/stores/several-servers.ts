import type { LockStore } from '../../src/server/store.ts'
import type { StoreSite } from './store-site.ts'

/** Two servers on an engine. */
export async function severalServers(open: () => Promise<LockStore>, end: () => Promise<void>): Promise<StoreSite> {
  const openBoth = async (): Promise<[LockStore, LockStore]> => [await open(), await open()]
  let stores = await openBoth()
  const closeBoth = () => Promise.all(stores.map((store) => store.close()))
  return {
    stores,
    async reopen() {
      await closeBoth()
      stores = await openBoth()
      return stores
    },
    async end() {
      await closeBoth()
      await end()
    },
  }
}
