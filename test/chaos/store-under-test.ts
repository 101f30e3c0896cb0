import type { Random } from '../simulation/random.ts'
import type { Workplace } from './workplace.ts'

/** Where the servers of a storm keep their locks, and what can happen to that. */
export interface StoreUnderTest {
  /** Flags of `lockable serve`. */
  readonly flags: readonly string[]
  readonly leaseMs: number
  /** How many servers can share it. */
  readonly mostServers: number
  /** Whether locks are gone after a restart of the server, without being granted to others too early. */
  readonly mayForget: boolean
  /** What can happen to an engine behind the servers; none where there is none. */
  readonly faults: readonly EngineFault[]
  stop(): Promise<void>
}

export interface EngineFault {
  readonly kind: string
  /** Calls `isDown` when it has begun, and resolves when all is as it was. */
  readonly suffer: (random: Random, isDown: () => void) => Promise<void>
}

export type OpenStore = (workplace: Workplace) => Promise<StoreUnderTest>
