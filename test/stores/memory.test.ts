import { createMemoryStore } from '../../src/server/stores/memory.ts'
import { conform } from './conformance.ts'

conform({
  name: 'memory',
  isDurable: false,
  async start() {
    let store = createMemoryStore()
    return {
      stores: [store, store],
      async reopen() {
        await store.close()
        store = createMemoryStore()
        return [store, store]
      },
      end: () => store.close(),
    }
  },
})
