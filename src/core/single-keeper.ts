import type { ClientContext } from './context.ts'
import type { Keeper, Kept } from './keeper.ts'
import { type Releasable, releaseAfterLoss, releaseAtOnce, releaseGrant } from './release.ts'
import type { Term } from './term.ts'

/** What a grant with a lease of its own is renewed by. */
export interface SingleKept {
  readonly name: string
  /** `null` in the classic dialect. */
  readonly owner: string | null
  /** What a heartbeat restores, in ms. */
  readonly leaseMs: number
  /** What each heartbeat asks for, in ms; `null` for the server's own. */
  readonly askedLeaseMs: number | null
  readonly term: Term
  /** The first heartbeat is due at once, since it confirms a claim. */
  readonly confirm: boolean
  readonly stallTimeoutMs: number | null
}

/** Keeps one grant by heartbeats and a release of its own. */
export class SingleKeeper implements Keeper {
  readonly #context: ClientContext
  readonly #grant: SingleKept
  #id: string | null = null

  constructor(context: ClientContext, grant: SingleKept) {
    this.#context = context
    this.#grant = grant
  }

  begin({ id, hear }: Kept): void {
    const { name, owner, leaseMs, askedLeaseMs, term, confirm, stallTimeoutMs } = this.#grant
    this.#id = id
    this.#context.listeners.set(id, hear)
    this.#context.host().setAuthToken(this.#context.connection.authToken)
    this.#context.host().hold({
      kind: 'lock',
      id,
      name,
      owner,
      leaseMs: owner === null ? leaseMs : askedLeaseMs,
      term,
      confirm,
      intervalMs: this.#context.options.heartbeatInterval ?? null,
      stallTimeoutMs,
    })
  }

  async end(): Promise<void> {
    if (this.#id === null) return
    this.#context.listeners.delete(this.#id)
    await this.#context.host().drop(this.#id)
  }

  pause(paused: boolean): void {
    if (this.#id !== null) this.#context.host().pause(this.#id, paused)
  }

  release(term: Term, ended: Promise<void>): Promise<boolean> {
    return releaseGrant(this.#context, this.#releasable(term), this.#grant.leaseMs, ended)
  }

  handBack(term: Term, ended: Promise<void>): Promise<unknown> {
    return releaseAfterLoss(this.#context, this.#releasable(term), ended)
  }

  leave(term: Term): Promise<unknown> {
    return releaseAtOnce(this.#context, this.#releasable(term))
  }

  #releasable(term: Term): Releasable {
    return { name: this.#grant.name, owner: this.#grant.owner, term }
  }
}
