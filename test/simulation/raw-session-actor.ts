import type { Machine } from './machine.ts'
import { type Action, type HoldAction, LEASES } from './plan.ts'
import { portsOf } from './ports.ts'
import { type Decision, RawSession } from './raw-session.ts'
import type { BookedLock } from './session-book.ts'
import type { ClientPorts } from './tweaks.ts'
import type { Actor, ActorContext } from './world.ts'

const GIVEN_UP_MS = 60_000
/** In a healed world it waits as long as others may hold before it. */
const PATIENT_MS = 250_000
const EPILOGUE: Omit<HoldAction, 'at' | 'who' | 'name'> = {
  kind: 'hold',
  mode: 'exclusive',
  steal: null,
  blocking: true,
  timeoutMs: PATIENT_MS,
  abortMs: null,
  holdMs: 50,
  leaseMs: null,
  maxHoldMs: null,
  readMs: 50,
}

/** Speaks sessions as their documentation tells, without our client: any number of locks at once, in one session. */
export class RawSessionActor implements Actor {
  readonly machine: Machine
  readonly label: string
  readonly #context: ActorContext
  readonly #ports: ClientPorts
  #session: RawSession | null = null

  constructor(context: ActorContext) {
    this.machine = context.machine
    this.label = context.plan.label
    this.#context = context
    this.#ports = portsOf(context)
  }

  get isOpen(): boolean {
    return this.machine.isAlive
  }

  perform(action: Action): void {
    if (action.kind !== 'hold') return
    void this.#context.promises.expect(this.machine, `a hold of ${action.name}`, this.#hold(action))
  }

  loseWorker(): void {}

  mayBeat(name: string): boolean {
    return this.#context.beliefs.isHeldOn(this.machine, name)
  }

  performEpilogue(name: string): void {
    const hold = this.#hold({ ...EPILOGUE, at: 0, who: this.label, name }).then((granted) => {
      if (!granted) this.#context.verdict.broken('liveness', `${this.label} cannot hold ${name} in a healed world`)
    })
    void this.#context.promises.expect(this.machine, `the last hold of ${name}`, hold)
  }

  inspect(): void {}

  /** Resolves to whether it was granted. */
  async #hold(action: HoldAction): Promise<boolean> {
    const patienceMs = Math.min(action.timeoutMs ?? GIVEN_UP_MS, action.abortMs ?? PATIENT_MS)
    const givenUpAt = this.#ports.now() + patienceMs
    while (this.#ports.now() < givenUpAt) {
      const session = this.#usable(action)
      const { lock, decision } = await this.#acquire(session, action, givenUpAt - this.#ports.now())
      if (decision === 'granted') await this.#use(session, lock, action)
      session.release(lock)
      this.#tidy(session)
      if (decision === 'granted') return true
      if (decision === 'refused' || decision === 'lost') return false
      await this.#pause(this.#context.random.between(10, 500))
    }
    return false
  }

  /** The session that lives; else a new one, with the lease of whoever begins it. */
  #usable({ leaseMs }: HoldAction): RawSession {
    if (this.#session?.isUsable()) return this.#session
    const { random, plan } = this.#context
    this.#session = new RawSession(this.#context, this.#ports, leaseMs ?? plan.leaseMs ?? random.pick(LEASES))
    return this.#session
  }

  /** `again` also if nobody answered in time. */
  async #acquire(
    session: RawSession,
    action: HoldAction,
    patienceMs: number,
  ): Promise<{ readonly lock: BookedLock; readonly decision: Decision }> {
    let cancel = () => {}
    let decided: (decision: Decision) => void = () => {}
    const decision = new Promise<Decision>((resolve) => {
      decided = resolve
      cancel = this.#ports.setTimer(() => resolve('again'), patienceMs)
    })
    const lock = session.acquire(action, this.#ports.newSecret(), decided)
    const answer = await decision
    cancel()
    // What was granted and lost again before anybody looked is lost.
    return { lock, decision: answer === 'granted' && !lock.believes() ? 'lost' : answer }
  }

  async #use(session: RawSession, lock: BookedLock, { holdMs, readMs }: HoldAction): Promise<void> {
    lock.begin()
    this.#context.beliefs.begin(lock)
    const until = this.#ports.now() + holdMs
    while (!session.isOver && lock.believes() && this.#ports.now() < until) {
      await this.#pause(Math.min(readMs, until - this.#ports.now()))
    }
  }

  /** Whoever has nothing left ends the session, or goes without a word, or keeps it until it lapses. */
  #tidy(session: RawSession): void {
    const { random } = this.#context
    if (session.isOver || session.size > 1) return
    const chance = random.next()
    if (chance < 0.3) void session.end()
    else if (chance < 0.4) session.vanish()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resume) => this.#ports.setTimer(resume, ms))
  }
}
