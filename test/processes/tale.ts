/** The answers of a lease to all the ways to ask whether it is held: whether it says so. */
export type Answers = Readonly<Record<string, boolean>>

interface OfLease {
  readonly name: string
  readonly lease: string
}

/** What the programs in `programs/` tell of themselves, besides when and who. */
type Facts =
  | { readonly event: 'begun' | 'ready' | 'blocking' | 'holding' | 'ended' }
  | { readonly event: 'stalling'; readonly names: readonly string[] }
  | { readonly event: 'waiting'; readonly name: string }
  | { readonly event: 'thread'; readonly thread: 'worker' | 'page' }
  /** `until`: when the belief ends if nothing more is heard. */
  | ({
      readonly event: 'granted'
      readonly mode: 'exclusive' | 'shared'
      readonly token: number
      readonly until: number
    } & OfLease)
  | ({ readonly event: 'renewed'; readonly until: number } & OfLease)
  | ({ readonly event: 'health'; readonly health: string } & OfLease)
  /** The lease was asked and said that it is held. */
  | ({ readonly event: 'still' } & OfLease)
  | ({ readonly event: 'releasing' } & OfLease)
  | ({ readonly event: 'released'; readonly acknowledged: boolean } & OfLease)
  /** The signal aborted; `answers` are those of the next line. */
  | ({ readonly event: 'aborted'; readonly answers: Answers } & OfLease)
  /** The lease was over when it was heard of. */
  | ({ readonly event: 'too late' } & OfLease)
  | ({ readonly event: 'lost'; readonly cause: string } & OfLease)
  | { readonly event: 'onLockLoss'; readonly name: string; readonly cause: string; readonly sentence: string }
  | { readonly event: 'onHeartbeatException'; readonly name: string; readonly message: string }
  | { readonly event: 'stalled' | 'awake'; readonly answers: readonly Answers[] }
  | { readonly event: 'rejected'; readonly name: string; readonly withReason: boolean }
  | ({ readonly event: 'acquired' } & OfLease)
  /** When this lease was first asked for. */
  | ({ readonly event: 'asked' } & OfLease)
  | { readonly event: 'delays'; readonly delays: readonly number[] }
  | { readonly event: 'gave up' | 'not released'; readonly name: string; readonly code: string }
  /** The resource has seen a newer fencing token than that of a lease that said afterwards that it is held. */
  | ({ readonly event: 'contradiction' } & OfLease)

/** One line of what a process told. */
export type Told = Facts & {
  /** ms on the clock that all processes share. */
  readonly at: number
  /** The id of the process. */
  readonly who: number
}

/** What is told with this `event`. */
export type ToldOf<Event extends Told['event']> = Told extends infer Each
  ? Each extends { readonly event: infer Own }
    ? Event extends Own
      ? Each & { readonly event: Event }
      : never
    : never
  : never

/** Reads lines of JSON. A last one that is not whole was cut off by SIGKILL. */
export function readTale(text: string): readonly Told[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** All that was told of this kind, in order. */
export function allOf<Event extends Told['event']>(tale: readonly Told[], event: Event): readonly ToldOf<Event>[] {
  return tale.filter((each): each is Told & ToldOf<Event> => each.event === event)
}
