import type { ServerClock } from '../../clock.ts'
import type { StoreLimits } from '../../store.ts'
import { systemClock } from '../../system-clock.ts'
import { checkTokenFloor } from '../memory.ts'
import type { SharedLog } from './log.ts'
import { SharedStore } from './shared-store.ts'

/** What all stores have in common that several servers share. */
export interface SharedStoreSettings {
  /** Fencing tokens begin above this: the last one of the store that was used before. Default 0. */
  readonly tokenFloor?: number
  /** Default: the clocks of this process. */
  readonly clock?: ServerClock
  /** As for a memory store; the same for all servers. */
  readonly limits?: Partial<StoreLimits>
  /**
   * Told once when this server can no longer follow the others and the store has closed itself, and of what it can do
   * without. Default: it is dropped.
   */
  readonly onError?: (error: unknown) => void
}

/** Rejects with a `TypeError` for a wrong option, and with an `Error` that says why if `openLog` or the log itself fails. */
export async function openShared(
  kind: string,
  { tokenFloor = 0, clock = systemClock, limits = {}, onError = () => undefined }: SharedStoreSettings,
  openLog: () => Promise<SharedLog>,
): Promise<SharedStore> {
  checkTokenFloor(tokenFloor)
  let log: SharedLog | null = null
  try {
    log = await openLog()
    const server = globalThis.crypto.randomUUID()
    return await SharedStore.open({ kind, log, clock, limits, onError, tokenFloor, server })
  } catch (cause) {
    await log?.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The store in ${kind} cannot be opened: ${why}`, { cause })
  }
}
