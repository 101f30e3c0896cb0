import { elapsed, type Instant, instant } from '../../src/core/clock.ts'
import type { Send } from '../../src/core/ports.ts'
import { operationPath } from '../../src/protocol/paths.ts'
import type { AcquireReply, HeartbeatReply, LockMode, Operation } from '../../src/protocol/wire.ts'
import type { Believer } from './believer.ts'
import type { Machine } from './machine.ts'
import { type Action, type HoldAction, LEASES } from './plan.ts'
import type { Actor, ActorContext } from './world.ts'

const REQUEST_MS = 3_000
const RELEASES = 5

/** How sure it is of its lock, by the book: for so many ms from when a request was sent. */
interface Certainty {
  readonly sentAt: Instant
  readonly ms: number
}

/**
 * Speaks the owned dialect as its documentation tells, without our client: it asks for another lease with each
 * heartbeat, and so shows what the server does for clients that are not ours.
 */
export class RawActor implements Actor {
  readonly machine: Machine
  readonly label: string
  readonly #context: ActorContext
  readonly #send: Send
  #owners = 0

  constructor(context: ActorContext) {
    this.machine = context.machine
    this.label = context.plan.label
    this.#context = context
    this.#send = context.network.sendFrom(context.machine)
  }

  get isOpen(): boolean {
    return this.machine.isAlive
  }

  perform(action: Action): void {
    if (action.kind === 'hold') void this.#hold(action)
  }

  loseWorker(): void {}

  mayBeat(name: string): boolean {
    return this.#context.beliefs.isHeldOn(this.machine, name)
  }

  performEpilogue(): void {}

  inspect(): void {}

  async #hold(action: HoldAction): Promise<void> {
    this.#owners += 1
    const hold = new RawHold(this.#context, this.#send, action, `0wner-${this.label}-${this.#owners}`)
    await this.#context.promises.expect(this.machine, `a hold of ${action.name}`, hold.run())
  }
}

/** One acquisition, from its first request to its release. */
class RawHold implements Believer {
  readonly label: string
  readonly machine: Machine
  readonly name: string
  readonly mode: LockMode
  readonly askedAt: number
  fencingToken: number | null = null
  readonly #context: ActorContext
  readonly #send: Send
  readonly #action: HoldAction
  readonly #owner: string
  readonly #certainties: Certainty[] = []
  #isOver = false

  constructor(context: ActorContext, send: Send, action: HoldAction, owner: string) {
    this.label = context.plan.label
    this.machine = context.machine
    this.name = action.name
    this.mode = action.mode
    this.askedAt = context.trueNow()
    this.#context = context
    this.#send = send
    this.#action = action
    this.#owner = owner
  }

  /** Heartbeats never shorten, so whichever reply promises the latest end counts. */
  believes(): boolean {
    const now = instant(this.machine)
    this.#isOver ||= !this.#certainties.some(({ sentAt, ms }) => elapsed(sentAt, now) < ms)
    return !this.#isOver
  }

  remaining(): number {
    const now = instant(this.machine)
    return Math.max(0, ...this.#certainties.map(({ sentAt, ms }) => ms - elapsed(sentAt, now)))
  }

  async run(): Promise<void> {
    const { random, beliefs } = this.#context
    if (await this.#acquire()) {
      beliefs.begin(this)
      const until = this.machine.now() + this.#action.holdMs
      // The first heartbeat goes out at once: it may have to confirm a claim.
      for (let ms = 0; this.machine.now() + ms < until && this.believes(); ms = random.between(200, 2_000)) {
        await this.#pause(ms)
        if (this.believes()) await this.#beat()
      }
    }
    this.#isOver = true
    beliefs.ends(this)
    await this.#release()
  }

  async #acquire(): Promise<boolean> {
    const { random } = this.#context
    const givenUpAt = this.machine.now() + (this.#action.timeoutMs ?? 60_000)
    while (this.machine.now() < givenUpAt) {
      const sentAt = instant(this.machine)
      const waitMs = random.pick([0, 1, 800, 5_000])
      const reply = (await this.#ask('acquire', this.#acquireBody(waitMs), waitMs + REQUEST_MS)) as AcquireReply | null
      if (reply?.response) {
        this.fencingToken = reply.fencing_token
        this.#learn(sentAt, 0.98 * reply.waited_ms + reply.expires_in_ms, reply.expires_in_ms)
        return this.believes()
      }
      const isFinal = reply !== null && (reply.response === undefined || reply.reason === 'timeout')
      if (isFinal || !this.#action.blocking) return false
      await this.#pause(random.between(10, 1_200))
    }
    return false
  }

  #acquireBody(waitMs: number): object {
    const { mode, steal, leaseMs, blocking } = this.#action
    return {
      owner: this.#owner,
      wait_ms: waitMs,
      mode,
      ...(steal === null ? {} : { steal }),
      ...(leaseMs === null ? {} : { lease_ms: leaseMs }),
      ...(blocking ? {} : { if_available: true }),
    }
  }

  async #beat(): Promise<void> {
    const { random, beliefs } = this.#context
    const sentAt = instant(this.machine)
    const lease = random.chance(0.5) ? {} : { lease_ms: random.pick(LEASES) }
    const reply = (await this.#ask('heartbeat', { owner: this.#owner, ...lease }, REQUEST_MS)) as HeartbeatReply | null
    // Too late is no success.
    if (reply === null || !this.believes()) return
    if (!reply.response) {
      this.#isOver = true
      return
    }
    this.#learn(sentAt, reply.expires_in_ms, reply.expires_in_ms)
    beliefs.look(this.name)
  }

  async #release(): Promise<void> {
    for (let attempt = 1; attempt <= RELEASES; attempt += 1) {
      if ((await this.#ask('release', { owner: this.#owner }, REQUEST_MS)) !== null) return
    }
  }

  /** @param ms how long it is certain but for the margin, from `sentAt`. */
  #learn(sentAt: Instant, ms: number, expiresInMs: number): void {
    this.#certainties.push({ sentAt, ms: ms - 0.02 * expiresInMs - 100 })
  }

  /** The reply's JSON, or `null` if there was none. */
  async #ask(operation: Operation, body: object, timeoutMs: number): Promise<object | null> {
    const path = operationPath(operation, this.name)
    try {
      const { status, body: text } = await this.#send({ method: 'POST', path, body, authToken: null }, { timeoutMs })
      return status >= 500 ? null : (JSON.parse(text) as object)
    } catch {
      return null
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resume) => this.machine.setTimer(resume, ms))
  }
}
