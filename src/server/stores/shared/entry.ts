import type {
  AcquireStep,
  AttendSessionStep,
  AttendStep,
  EndHoldersStep,
  ExecuteStep,
  OwnerRef,
  RenewSessionStep,
  RenewStep,
  RevokeStep,
  StoreLimits,
} from '../../store.ts'

/** Raised when the same entries come to something else than before. */
const VERSION = 1

/** By what a server carries out entries. Servers that differ in it must not share a log. */
export function rulesOf(limits: Partial<StoreLimits>): string {
  const given = Object.entries(limits).sort(([one], [other]) => (one < other ? -1 : 1))
  return given.length === 0 ? `${VERSION}` : `${VERSION} with ${given.map((limit) => limit.join(' ')).join(', ')}`
}

/** A step of a store, as it is written down. */
export type StepCall =
  | readonly ['acquire', AcquireStep]
  | readonly ['attend', AttendStep]
  | readonly ['renew', readonly RenewStep[]]
  | readonly ['release', OwnerRef]
  | readonly ['execute', ExecuteStep]
  | readonly ['renewSession', RenewSessionStep]
  | readonly ['attendSession', AttendSessionStep]
  | readonly ['endSession', string]
  | readonly ['endHolders', EndHoldersStep]
  | readonly ['revoke', RevokeStep]

/** The time that has passed since the tick before, at least. */
export interface Tick {
  /** One more than that of the tick before, or it does not count: somebody else was first. */
  readonly number: number
  readonly ms: number
}

/** What the state came to at a position, for servers to compare. */
export interface Cut {
  readonly position: number
  readonly digest: number
}

/** What a server writes into the log at once. It is carried out in this order. */
export interface Entry {
  /** See {@link rulesOf}. */
  readonly rules: string
  /** The wall clock of the server: fencing tokens start from it. */
  readonly wall: number
  readonly tick: Tick | null
  /** Nothing is granted for so many ms: the end of the log was lost, and with it perhaps leases as long as this. */
  readonly graceMs: number
  /** Fencing tokens begin above this; 0: no matter. */
  readonly tokenFloor: number
  readonly cut: Cut | null
  readonly steps: readonly StepCall[]
}

/** Who wrote an entry, and which of theirs it is. */
export interface EntryId {
  readonly server: string
  /** Grows with every entry of a server. */
  readonly number: number
}

export function writeId({ server, number }: EntryId): string {
  return `${server}.${number}`
}

export function readId(id: string): EntryId {
  const dot = id.lastIndexOf('.')
  return { server: id.slice(0, dot), number: Number(id.slice(dot + 1)) }
}

export function writeEntry(entry: Entry): string {
  return JSON.stringify(entry)
}

/** Throws an `Error` that says what to do if the entry is by other rules. */
export function readEntry(body: string, rules: string): Entry {
  const entry: Entry = JSON.parse(body)
  checkRules(entry, rules)
  return entry
}

/** Throws an `Error` that says what to do if something was written by other rules than `ours`. */
export function checkRules({ rules }: { readonly rules: string }, ours: string): void {
  if (rules === ours) return
  throw new Error(
    `the log is by the rules "${rules}", and this server goes by "${ours}": all servers of one store must be of one version, with the same limits. To go to others, stop all servers in good order first.`,
  )
}
