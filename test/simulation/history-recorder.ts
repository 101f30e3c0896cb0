import type { Believer } from './believer.ts'
import { findImpossible, type HistoryOperation, type HistoryOutcome } from './history-checker.ts'

/** Ends that differ by less than this are the same, in ms. */
const SAME_MS = 0.001

interface Recorded {
  readonly owner: string
  /** True ms of what was recorded last. */
  at: number
  heldUntil: number
  isOver: boolean
}

/** Writes down, in true time, what clients were told and count on; see {@link findImpossible}. */
export class HistoryRecorder {
  readonly #operations: HistoryOperation[] = []
  readonly #recorded = new Map<Believer, Recorded>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The believer was asked, and believes: it begins to, or its certain end may have moved. */
  believes(believer: Believer): void {
    if (believer.fencingToken === null) return
    const heldUntil = this.#now() + believer.remaining() / believer.machine.rate
    const recorded = this.#recorded.get(believer)
    if (recorded === undefined) this.#begins(believer, heldUntil)
    else if (!recorded.isOver && heldUntil > recorded.heldUntil + SAME_MS) {
      this.#add(believer, recorded, 'renew', { kind: 'renewed', heldUntil }, this.#now())
      recorded.heldUntil = heldUntil
    }
  }

  /** Until when it could be certain when it was asked last, in true ms; `null` if it never was. */
  certainUntil(believer: Believer): number | null {
    return this.#recorded.get(believer)?.heldUntil ?? null
  }

  /** From now on the lock may be handed back, whatever was counted on; nobody need be told that it was. */
  ends(believer: Believer): void {
    const recorded = this.#recorded.get(believer)
    if (recorded === undefined || recorded.isOver) return
    recorded.isOver = true
    recorded.at = this.#now()
    this.#add(believer, recorded, 'release', { kind: 'unknown' }, null)
  }

  /** `null` if all that is written down is possible; without the names that somebody may have robbed. */
  findImpossible(robbed: ReadonlySet<string>): string | null {
    const operations = this.#operations.filter(({ name }) => !robbed.has(name))
    // Servers restart, and forget; nobody notices who waits for the end of what was forgotten.
    return findImpossible(operations, { mayForget: true })
  }

  #begins(believer: Believer, heldUntil: number): void {
    const { fencingToken, askedAt } = believer
    const recorded = { owner: `${believer.label}-${this.#recorded.size}`, at: askedAt, heldUntil, isOver: false }
    this.#recorded.set(believer, recorded)
    this.#add(
      believer,
      recorded,
      'acquire',
      { kind: 'granted', fencingToken: fencingToken ?? 0, heldUntil },
      this.#now(),
    )
  }

  #add(
    { label: client, name, mode }: Believer,
    recorded: Recorded,
    kind: HistoryOperation['kind'],
    outcome: HistoryOutcome,
    returnedAt: number | null,
  ): void {
    const { owner, at: invokedAt } = recorded
    this.#operations.push({ client, name, kind, owner, mode, invokedAt, returnedAt, outcome })
    recorded.at = returnedAt ?? invokedAt
  }
}
