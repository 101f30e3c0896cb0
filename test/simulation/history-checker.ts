/** Which locks exclude each other: at most one exclusive holder, or any number of shared ones. */
export type HistoryMode = 'exclusive' | 'shared'

/** What came of an operation. Times are of one clock that all clients share, as that of the machine they run on. */
export type HistoryOutcome =
  /** Held for certain until `heldUntil`, which is what the client counts on and no later than the server's own end. */
  | { readonly kind: 'granted'; readonly fencingToken: number; readonly heldUntil: number }
  | { readonly kind: 'renewed'; readonly heldUntil: number }
  | { readonly kind: 'released' }
  /** The server said no. */
  | { readonly kind: 'refused' }
  /** Nobody knows whether it was carried out. */
  | { readonly kind: 'unknown' }

/**
 * Something that a client asked for. An acquire is one operation from its first request to the answer that ended it,
 * however many requests it took and however long it waited in a queue: it may have been granted at any time between.
 */
export interface HistoryOperation {
  readonly client: string
  readonly name: string
  readonly kind: 'acquire' | 'renew' | 'release'
  /** A fresh one for each acquisition. */
  readonly owner: string
  readonly mode: HistoryMode
  /** Before the first request was sent. */
  readonly invokedAt: number
  /** When the answer was there; `null`: there was none. */
  readonly returnedAt: number | null
  readonly outcome: HistoryOutcome
}

export interface HistoryOptions {
  /**
   * The server may forget its locks and refuse to renew them, as one without a disk does when it restarts. It must not
   * grant them to others before their certain end all the same.
   */
  readonly mayForget?: boolean
}

/** `null` if the history is possible; else what is wrong with it, for people. */
export function findImpossible(operations: readonly HistoryOperation[], options: HistoryOptions = {}): string | null {
  const byName = new Map<string, HistoryOperation[]>()
  for (const operation of operations) {
    const same = byName.get(operation.name) ?? []
    byName.set(operation.name, same)
    same.push(operation)
  }
  // Names have nothing to do with each other, so each history is searched by itself: a sum instead of a product.
  for (const same of byName.values()) {
    const impossible = new Search(same, options).run()
    if (impossible !== null) return impossible
  }
  return null
}

interface Holder {
  readonly owner: string
  readonly mode: HistoryMode
  readonly token: number
  /** Its certain end: not before, but at any time after, the lease may end by itself. */
  readonly until: number
}

/** A fenced lock with leases at one moment of a possible order. */
interface LockState {
  /** When the latest operation took effect, as early as can be. */
  readonly at: number
  readonly lastToken: number
  readonly holders: readonly Holder[]
  /** Owners that are over: released, or gone when another one came. */
  readonly finished: ReadonlySet<string>
}

/** The state after an operation, or why it cannot have come next. */
type Step = LockState | string

const NOT_YET: LockState = {
  at: Number.NEGATIVE_INFINITY,
  lastToken: Number.NEGATIVE_INFINITY,
  holders: [],
  finished: new Set(),
}

/**
 * Looks for an order in which the operations can have taken effect, each at one moment between its request and its
 * answer (Wing & Gong 1993), and remembers the states that lead nowhere (Lowe 2017).
 *
 * That every operation takes effect as early as the ones before it allow loses nothing: time only ends leases, and a
 * lease that is over may still be renewed as long as nobody else has come.
 */
class Search {
  readonly #operations: readonly HistoryOperation[]
  /** Indices of the grants, by their tokens. */
  readonly #byToken: readonly number[]
  readonly #isForgetful: boolean
  /** When a release was sent that nobody knows the outcome of: its owner's lease may be over from then on. */
  readonly #mayBeReleased = new Map<string, number>()
  readonly #isDone: boolean[]
  readonly #deadEnds = new Set<string>()
  #done = 0
  #most = -1
  #explanation = ''

  constructor(operations: readonly HistoryOperation[], { mayForget = false }: HistoryOptions) {
    for (const { kind, outcome, owner, invokedAt } of operations) {
      if (kind !== 'release' || outcome.kind !== 'unknown') continue
      this.#mayBeReleased.set(owner, Math.min(invokedAt, this.#mayBeReleased.get(owner) ?? Number.POSITIVE_INFINITY))
    }
    // Those in the same order as they were sent: what is looked at next is then near the front.
    this.#operations = withEffect(operations).sort((one, other) => one.invokedAt - other.invokedAt)
    this.#isDone = this.#operations.map(() => false)
    const tokenAt = (index: number) => tokenOf(this.#operations[index]) ?? 0
    this.#byToken = this.#operations
      .flatMap((operation, index) => (tokenOf(operation) === null ? [] : [index]))
      .sort((one, other) => tokenAt(one) - tokenAt(other))
    this.#isForgetful = mayForget
  }

  run(): string | null {
    return this.#goOn(NOT_YET, 0) ? null : this.#explanation
  }

  /** @param first all operations before this index are done. */
  #goOn(state: LockState, first: number): boolean {
    let from = first
    while (this.#isDone[from]) from += 1
    const candidates = this.#candidates(from)
    if (candidates.length === 0) return true
    const key = this.#keyOf(state, from)
    if (this.#deadEnds.has(key)) return false
    const reasons: string[] = []
    for (const index of candidates) {
      const operation = this.#operations[index]
      if (operation === undefined) continue
      const step = this.#apply(state, operation)
      if (typeof step === 'string') {
        reasons.push(step)
        continue
      }
      if (this.#follow(index, step, from)) return true
      // A renewal that can be next loses nothing by being next, so what fails after it fails without it too.
      if (isRenewed(operation)) break
    }
    this.#explain(reasons)
    this.#deadEnds.add(key)
    return false
  }

  #follow(index: number, state: LockState, first: number): boolean {
    this.#isDone[index] = true
    this.#done += 1
    const isPossible = this.#goOn(state, first)
    this.#isDone[index] = false
    this.#done -= 1
    return isPossible
  }

  /** What can come next: all that was sent before any of the rest was answered. Renewals first. */
  #candidates(from: number): number[] {
    const candidates: number[] = []
    let isOver = true
    let answeredFirst = Number.POSITIVE_INFINITY
    for (let index = from; index < this.#operations.length; index += 1) {
      const operation = this.#operations[index]
      if (operation === undefined || this.#isDone[index]) continue
      if (operation.invokedAt > answeredFirst) break
      candidates.push(index)
      answeredFirst = Math.min(answeredFirst, operation.returnedAt ?? Number.POSITIVE_INFINITY)
      isOver &&= operation.returnedAt === null
    }
    // What was never answered need not have happened.
    if (isOver) return []
    const rank = (index: number) => (isRenewed(this.#operations[index]) ? 0 : 1)
    return candidates.sort((one, other) => rank(one) - rank(other))
  }

  #apply(state: LockState, operation: HistoryOperation): Step {
    const { outcome, owner, kind, invokedAt, returnedAt } = operation
    const now = { ...state, at: Math.max(state.at, invokedAt) }
    if (returnedAt !== null && now.at > returnedAt) return `${describe(operation)}, which is too early by then`
    if (kind === 'acquire') return this.#acquire(now, operation)
    const holder = state.holders.find((each) => each.owner === owner)
    if (outcome.kind === 'renewed') {
      if (holder === undefined) return `${describe(operation)}, though it did not hold it any more`
      const renewed = { ...holder, until: Math.max(holder.until, outcome.heldUntil) }
      return { ...now, holders: state.holders.map((each) => (each === holder ? renewed : each)) }
    }
    if (outcome.kind === 'released') return without(now, owner)
    return holder === undefined ? now : this.#end(now, holder, operation)
  }

  #acquire(state: LockState, operation: HistoryOperation): Step {
    const { outcome, owner, mode, returnedAt } = operation
    const granted = outcome.kind === 'granted' ? outcome : null
    const holder = state.holders.find((each) => each.owner === owner)
    if (holder !== undefined) return sameGrant(state, holder, operation)
    if (state.finished.has(owner)) return `${describe(operation)}, though this owner was over`
    // Nobody was told the token of an acquire that was never answered.
    const token = granted?.fencingToken ?? state.lastToken
    if (granted !== null && token <= state.lastToken) return `${describe(operation)} after token ${state.lastToken}`
    const least = this.#leastToken()
    if (granted !== null && least < token) return `${describe(operation)} before token ${least}`
    const rivals = state.holders.filter((each) => each.mode === 'exclusive' || mode === 'exclusive')
    let { at } = state
    for (const rival of rivals) {
      at = Math.max(at, this.#mayEndAt(rival))
      if (returnedAt !== null && at > returnedAt) {
        return `${describe(operation)}, though ${rival.owner} held it with token ${rival.token} until ${this.#mayEndAt(rival)}`
      }
    }
    const next = { owner, mode, token, until: granted?.heldUntil ?? Number.NEGATIVE_INFINITY }
    return {
      at,
      lastToken: token,
      holders: [...state.holders.filter((each) => !rivals.includes(each)), next],
      finished: new Set([...state.finished, ...rivals.map((rival) => rival.owner)]),
    }
  }

  /** The server said that this one does not hold. */
  #end(state: LockState, holder: Holder, operation: HistoryOperation): Step {
    const { returnedAt } = operation
    const at = Math.max(state.at, this.#mayEndAt(holder))
    if (returnedAt === null || at <= returnedAt) return { ...without(state, holder.owner), at }
    // Forgotten, it cannot be renewed any more; but nobody else may have it before its certain end.
    if (this.#isForgetful) return state
    return `${describe(operation)}, though it held it until ${this.#mayEndAt(holder)}`
  }

  /** Of the grants that are still to come. */
  #leastToken(): number {
    const index = this.#byToken.find((each) => !this.#isDone[each])
    return (index === undefined ? null : tokenOf(this.#operations[index])) ?? Number.POSITIVE_INFINITY
  }

  #mayEndAt({ owner, until }: Holder): number {
    return Math.min(until, this.#mayBeReleased.get(owner) ?? Number.POSITIVE_INFINITY)
  }

  #explain(reasons: readonly string[]): void {
    if (this.#done <= this.#most) return
    this.#most = this.#done
    this.#explanation = `after ${this.#done} of ${this.#operations.length} operations nothing can come next: ${reasons.join('; or ')}`
  }

  /** Two of the same key have the same future: who is finished follows from what is done and who holds. */
  #keyOf({ at, lastToken, holders }: LockState, from: number): string {
    let done = ''
    for (let index = from; index < this.#isDone.length; index += 1) done += this.#isDone[index] ? '1' : '0'
    const held = holders.map(({ owner, until }) => `${owner} ${until}`).sort()
    return `${from} ${done.replace(/0+$/, '')} ${at} ${lastToken} ${held.join(' ')}`
  }
}

/** Without what had no effect, whenever it took place. */
function withEffect(operations: readonly HistoryOperation[]): HistoryOperation[] {
  const renewed = new Set(operations.filter(({ outcome }) => outcome.kind === 'renewed').map(({ owner }) => owner))
  return operations.filter(({ kind, outcome, owner }) => {
    if (outcome.kind === 'refused') return kind !== 'acquire'
    // What the client does not know of, it does not count on; a lock that it never knew of, it may yet renew.
    return outcome.kind !== 'unknown' || (kind === 'acquire' && renewed.has(owner))
  })
}

function tokenOf(operation: HistoryOperation | undefined): number | null {
  return operation?.outcome.kind === 'granted' ? operation.outcome.fencingToken : null
}

function isRenewed(operation: HistoryOperation | undefined): boolean {
  return operation?.outcome.kind === 'renewed'
}

function sameGrant(state: LockState, holder: Holder, operation: HistoryOperation): Step {
  const { outcome } = operation
  if (outcome.kind !== 'granted') return state
  if (outcome.fencingToken !== holder.token) return `${describe(operation)}, though it held it with ${holder.token}`
  const renewed = { ...holder, until: Math.max(holder.until, outcome.heldUntil) }
  return { ...state, holders: state.holders.map((each) => (each === holder ? renewed : each)) }
}

/** A release of an owner that holds nothing frees nothing; but it is over. */
function without(state: LockState, owner: string): LockState {
  return {
    ...state,
    holders: state.holders.filter((each) => each.owner !== owner),
    finished: new Set([...state.finished, owner]),
  }
}

function describe({ client, name, kind, owner, invokedAt, returnedAt, outcome }: HistoryOperation): string {
  const token = outcome.kind === 'granted' ? ` with token ${outcome.fencingToken}` : ''
  return `${kind} of ${JSON.stringify(name)} by ${client} for ${owner} (${invokedAt} to ${returnedAt ?? 'never'}) was ${outcome.kind}${token}`
}
