import type { WatchEvent } from '../../protocol/wire.ts'
import { ProblemError } from '../http/problem-error.ts'
import { statusReply } from '../status.ts'
import type { LockRef, LockState, LockStore } from '../store.ts'
import type { Hints } from './hints.ts'
import { goRounds, type RoundsContext, type StreamEnd, type Subject, type Tell } from './rounds.ts'

/** How often it is asked whether the reader may still read, in ms. */
const CHECK_MS = 15_000

type News = Omit<WatchEvent, 'id'>

export interface WatchContext extends RoundsContext {
  readonly store: LockStore
  /** By {@link lockKey}. */
  readonly hints: Hints
  /** Throws a problem if the reader may not read this any more. */
  readonly check: () => Promise<unknown>
}

/** What hints about a lock are followed by. */
export function lockKey({ namespace, name }: LockRef): string {
  return `${namespace}\0${name}`
}

/**
 * Tells how locks stand, and then each change, until the reader may not read it any more, the server goes away, or
 * `signal` aborts. It compares with what it has told, so nothing hangs on a hint. Rejects if the store cannot be reached.
 */
export function watchLocks(
  context: WatchContext,
  namespace: string,
  names: readonly string[],
  tell: Tell<WatchEvent>,
  signal: AbortSignal,
): Promise<StreamEnd> {
  return goRounds(context, new WatchedLocks(context, namespace, names), tell, signal)
}

class WatchedLocks implements Subject<string, News> {
  readonly items: readonly string[]
  readonly #context: WatchContext
  readonly #namespace: string
  /** What was told of each lock last. */
  readonly #told = new Map<string, string>()
  #checkAt: number

  constructor(context: WatchContext, namespace: string, names: readonly string[]) {
    this.#context = context
    this.#namespace = namespace
    this.items = names
    this.#checkAt = context.clock.now() + CHECK_MS
  }

  follow(name: string, hint: () => void): () => void {
    return this.#context.hints.follow(lockKey({ namespace: this.#namespace, name }), hint)
  }

  async look(name: string): Promise<readonly News[]> {
    const state = await this.#context.store.inspect({ namespace: this.#namespace, name })
    const seen = outlineOf(state)
    if (this.#told.get(name) === seen) return []
    this.#told.set(name, seen)
    return [{ name, ...statusReply(state) }]
  }

  async isOver(): Promise<boolean> {
    const { clock, check } = this.#context
    if (clock.now() < this.#checkAt) return false
    this.#checkAt = clock.now() + CHECK_MS
    try {
      await check()
      return false
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      // Too many requests are none of the reader's.
      return error.code === 'unauthenticated' || error.code === 'forbidden'
    }
  }

  isUrgent(): boolean {
    return false
  }
}

/** All of a state but what changes by itself as time goes by, or with a renewal. */
function outlineOf({ mode, fencingToken, holders, waiters }: LockState): string {
  return JSON.stringify([mode, fencingToken, waiters, holders.map((holder) => [holder.mode, holder.info])])
}
