import { setTimeout as sleep } from 'node:timers/promises'
import { openEtcd } from './etcd-under-test.ts'
import { openPostgres } from './postgres-under-test.ts'
import type { OpenStore, StoreUnderTest } from './store-under-test.ts'

const ALONE = { leaseMs: 1_000, mostServers: 1, faults: [], stop: () => sleep(0) } as const

/** By what `--store` of `npm run chaos` calls them. */
export const STORES: Readonly<Record<string, OpenStore>> = {
  memory: async (workplace): Promise<StoreUnderTest> => ({
    ...ALONE,
    flags: ['--mark', workplace.path('mark')],
    mayForget: true,
  }),
  /** Broken on purpose: after a restart it grants at once what others hold, here for longer than elsewhere. */
  forgetful: async (): Promise<StoreUnderTest> => ({ ...ALONE, leaseMs: 5_000, flags: [], mayForget: true }),
  file: async (workplace): Promise<StoreUnderTest> => ({
    ...ALONE,
    flags: ['--store', `file:${workplace.path('store')}`],
    mayForget: false,
  }),
  postgres: openPostgres,
  etcd: openEtcd,
}
