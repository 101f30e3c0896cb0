import type { LockMode } from '../../src/protocol/wire.ts'
import type { CommandOutcome, ExecuteStep, LockState, LockStore, Standing } from '../../src/server/store.ts'
import { forwarded } from './forwarded-store.ts'
import type { Verdict } from './verdict.ts'
import { isRival, SLACK_MS, type WatchedHolder } from './watched-lock.ts'

export interface ToldPromisesOptions {
  readonly verdict: Verdict
  /** True ms. */
  readonly now: () => number
  /** The most ms that any server's clock goes on by in one true ms. */
  readonly fastest: number
  /** What a lock may look like to whoever has asked at this time, in true ms. */
  readonly wasSo: (name: string, state: LockState, since: number) => boolean
  /** Whether a session stands, by all that is in the log. */
  readonly stands: (session: string) => boolean
}

interface Told {
  readonly name: string
  readonly owner: string | null
  readonly token: number
  readonly mode: LockMode
  readonly session: string | null
  /** True ms. */
  readonly grantedAt: number
  /** When somebody was told of it first, in true ms. */
  toldAt: number | null
  isClaim: boolean
  /** Until when it was promised, in true ms: counted from when that was asked for. */
  until: number
  /** Its owner gave it back, or was robbed by `steal: 'now'`. */
  isOver: boolean
}

/**
 * Checks in true time what several servers promise, each by the time of their log: whoever asks and is told so many
 * milliseconds has them from then on, and nobody else is granted the lock before. Clients take a margin off; here there
 * is none.
 */
export class ToldPromises {
  readonly #options: ToldPromisesOptions
  readonly #told = new Map<string, Told[]>()
  /** When each owner was asked for first, in true ms. */
  readonly #askedAt = new Map<string, number>()

  constructor(options: ToldPromisesOptions) {
    this.#options = options
  }

  /** A record that grants it has its place in the log. */
  granted(name: string, owner: string | null, { token, mode, session, isClaim }: WatchedHolder): void {
    const told = this.#of(name)
    if (told.some((one) => one.token === token)) return
    const { now } = this.#options
    const own: Told = {
      ...{ name, owner, token, mode, session: session?.id ?? null, isClaim },
      ...{ grantedAt: now(), toldAt: null, until: Number.NEGATIVE_INFINITY, isOver: false },
    }
    told.push(own)
    for (const one of told) this.#compare(one, own)
  }

  over(name: string, owner: string | null): void {
    for (const one of this.#of(name)) if (one.owner === owner) one.isOver = true
  }

  /** A server's store, listened to. */
  listenTo(store: LockStore): LockStore {
    const { now } = this.#options
    return {
      ...forwarded(store),
      acquire: async (step) => {
        const askedAt = now()
        const outcome = await store.acquire(step)
        if (outcome.kind === 'granted') this.#tell(step.name, outcome.fencingToken, askedAt, outcome.expiresInMs)
        return outcome
      },
      attend: async (step) => {
        const askedAt = now()
        const outcome = await store.attend(step)
        if (outcome.kind === 'granted') this.#tell(step.name, outcome.fencingToken, askedAt, outcome.expiresInMs)
        return outcome
      },
      renew: async (steps) => {
        const askedAt = now()
        const outcomes = await store.renew(steps)
        for (const [index, { name }] of steps.entries()) {
          const outcome = outcomes[index]
          if (outcome?.kind === 'renewed') this.#tell(name, outcome.fencingToken, askedAt, outcome.expiresInMs)
        }
        return outcomes
      },
      execute: async (step) => {
        const askedAt = now()
        for (const command of step.commands) if (command.op === 'acquire') this.#asks(command.owner)
        const outcome = await this.#stillStands(step.session, () => store.execute(step))
        if (outcome.kind === 'executed') this.#executed(step, outcome.outcomes, outcome.standing, askedAt)
        return outcome
      },
      renewSession: async (step) => {
        const askedAt = now()
        const outcome = await this.#stillStands(step.session, () => store.renewSession(step))
        if (outcome.kind === 'standing') this.#stands(step.session, outcome, askedAt)
        return outcome
      },
      attendSession: async (step) => {
        const outcome = await this.#stillStands(step.session, () => store.attendSession(step))
        // What an event tells counts from when its owner asked.
        for (const claim of outcome.kind === 'standing' ? outcome.claims : []) {
          const askedAt = this.#askedAt.get(claim.owner)
          const { name, fencingToken, waitedMs, expiresInMs } = claim
          if (askedAt !== undefined) this.#tell(name, fencingToken, askedAt, waitedMs + expiresInMs)
        }
        return outcome
      },
      inspect: async (ref) => {
        const askedAt = now()
        const state = await store.inspect(ref)
        if (!this.#options.wasSo(ref.name, state, askedAt)) {
          this.#options.verdict.broken('history', `${ref.name} was not as it is told: ${JSON.stringify(state)}`)
        }
        return state
      },
    }
  }

  /** Nobody is told that a session is gone while it stands: its client would give up all that it has. */
  async #stillStands<Outcome extends { readonly kind: string }>(
    session: string,
    act: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { stands, verdict } = this.#options
    const stood = stands(session)
    const outcome = await act()
    if (outcome.kind === 'session-gone' && stood && stands(session)) {
      verdict.broken('session', `${session} is called gone, and stands`)
    }
    return outcome
  }

  #executed(
    { session, commands }: ExecuteStep,
    outcomes: readonly CommandOutcome[],
    standing: Standing,
    askedAt: number,
  ): void {
    this.#stands(session, standing, askedAt)
    for (const [index, command] of commands.entries()) {
      const outcome = outcomes[index]
      if (command.op !== 'acquire' || outcome?.kind !== 'granted') continue
      this.#tell(command.name, outcome.fencingToken, askedAt, outcome.expiresInMs)
    }
  }

  /** What a session has is renewed with it, unless something else is said of that. */
  #stands(session: string, { expiresInMs, ended, ending, claims, confirmed }: Standing, askedAt: number): void {
    const others = new Set([...ended, ...ending, ...claims].map(({ owner }) => owner))
    const named = new Set(confirmed)
    for (const one of [...this.#told.values()].flat()) {
      if (one.session !== session) continue
      if (named.has(one.owner ?? '')) one.isClaim = false
      const isKnown = one.toldAt !== null && one.toldAt <= askedAt
      if (one.isClaim || !isKnown || others.has(one.owner ?? '')) continue
      this.#tell(one.name, one.token, askedAt, expiresInMs)
    }
    for (const { name, fencingToken, expiresInMs: ms } of claims) this.#tell(name, fencingToken, askedAt, ms)
  }

  #asks(owner: string): void {
    if (!this.#askedAt.has(owner)) this.#askedAt.set(owner, this.#options.now())
  }

  #tell(name: string, token: number, askedAt: number, ms: number): void {
    const { now, fastest } = this.#options
    const told = this.#of(name)
    const own = told.find((one) => one.token === token)
    if (own === undefined) return
    own.toldAt ??= now()
    own.until = Math.max(own.until, askedAt + ms / fastest)
    for (const other of told) this.#compare(own, other)
  }

  /** Whether `later` was granted while `one` was promised it. */
  #compare(one: Told, later: Told): void {
    const missingMs = one.until - later.grantedAt
    const isLater = later.token > one.token && later.owner !== one.owner
    if (!isLater || one.isOver || missingMs <= SLACK_MS || !isRival(one.mode, later.mode)) return
    this.#options.verdict.broken(
      'promise',
      `${later.owner} was granted ${one.name}, though ${one.owner} was promised it for ${Math.round(missingMs)} ms more by true time`,
    )
  }

  #of(name: string): Told[] {
    const told = this.#told.get(name) ?? []
    this.#told.set(name, told)
    return told
  }
}
