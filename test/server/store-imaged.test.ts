import { describe } from 'vitest'
import { useImagedStores } from './store-bench.ts'

useImagedStores()

/** All that a store must do, whatever it keeps its locks in. */
describe('a store that goes on from an image', async () => {
  await import('./store-authority.test.ts')
  await import('./store-bounds.test.ts')
  await import('./store-leases.test.ts')
  await import('./store-model.test.ts')
  await import('./store-queue.test.ts')
  await import('./store-session-liveness.test.ts')
  await import('./store-session-model.test.ts')
  await import('./store-sessions.test.ts')
  await import('./store-steal.test.ts')
})
