import type { Holder } from '../memory/holder.ts'
import type { Inherited } from '../memory/inherited.ts'
import type { Ledger } from '../memory/ledger.ts'
import type { Lock } from '../memory/lock.ts'
import type { Session } from '../memory/session.ts'
import type { Journal } from './journal.ts'
import {
  FORMAT_KEY,
  formatValue,
  holdKey,
  holdValue,
  LAST_KEY,
  lastValue,
  sessionKey,
  sessionValue,
} from './records.ts'

/**
 * Writes into a journal what the next store must know: what is promised, before anybody hears of it, and what is over,
 * soon. Renewals are not written, since the next store begins with full leases; a longer one than is on disk is.
 */
export class JournalledLedger implements Ledger {
  readonly #journal: Journal
  /** The longest lease that each holder was ever promised, in ms, by the key of its record. */
  readonly #longest: Map<string, number>
  #lastToken: number
  #lastEpoch: number

  constructor(journal: Journal, { lastToken, lastEpoch, holds }: Inherited) {
    this.#journal = journal
    this.#longest = new Map(holds.map((hold) => [holdKey(hold), hold.leaseMs]))
    this.#lastToken = lastToken
    this.#lastEpoch = lastEpoch
    journal.put(FORMAT_KEY, formatValue())
    // The epochs of the sessions that have come back are new.
    this.#putLast()
  }

  get lastToken(): number {
    return this.#lastToken
  }

  granted(lock: Lock, holder: Holder): void {
    this.#putHold(lock, holder)
    this.#lastToken = holder.fencingToken
    this.#putLast()
  }

  extended(lock: Lock, holder: Holder): void {
    const longest = this.#longest.get(keyOf(lock, holder)) ?? 0
    if (holder.leaseMs > longest) this.#putHold(lock, holder)
  }

  ended(lock: Lock, holder: Holder): void {
    const key = keyOf(lock, holder)
    this.#longest.delete(key)
    this.#journal.drop(key)
  }

  attempted({ id, space, leaseMs, seq, info, epoch }: Session): void {
    this.#journal.put(sessionKey(id), sessionValue({ namespace: space.namespace, leaseMs, seq, info }))
    if (epoch <= this.#lastEpoch) return
    this.#lastEpoch = epoch
    this.#putLast()
  }

  buried({ id }: Session): void {
    this.#journal.drop(sessionKey(id))
  }

  #putHold(lock: Lock, holder: Holder): void {
    const key = keyOf(lock, holder)
    this.#longest.set(key, holder.leaseMs)
    this.#journal.put(key, holdValue({ ...holder, session: holder.session?.id ?? null }))
  }

  #putLast(): void {
    this.#journal.put(LAST_KEY, lastValue({ lastToken: this.#lastToken, lastEpoch: this.#lastEpoch }))
  }
}

function keyOf({ namespace, name }: Lock, { owner }: Holder): string {
  return holdKey({ namespace, name, owner })
}
