import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileStore } from '../../src/server/stores/file.ts'
import { conform } from './conformance.ts'

conform({
  name: 'a file',
  isDurable: true,
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'lockable-store-'))
    let store = await createFileStore(folder)
    return {
      stores: [store, store],
      async reopen() {
        await store.close()
        store = await createFileStore(folder)
        return [store, store]
      },
      async end() {
        await store.close()
        await rm(folder, { recursive: true })
      },
    }
  },
})
