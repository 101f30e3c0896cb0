/** All that a store must do, whatever it keeps its locks in: the tests of this folder, on the stores that benches now have. */
export async function defineStoreTests(): Promise<void> {
  await import('./store-authority.test.ts')
  await import('./store-bounds.test.ts')
  await import('./store-leases.test.ts')
  await import('./store-model.test.ts')
  await import('./store-queue.test.ts')
  await import('./store-session-liveness.test.ts')
  await import('./store-session-model.test.ts')
  await import('./store-sessions.test.ts')
  await import('./store-steal.test.ts')
}
