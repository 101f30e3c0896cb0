import type { WireRequest } from '../../src/core/ports.ts'
import { decodeName } from '../../src/protocol/names.ts'
import { DEFAULT_NAMESPACE } from '../../src/server/auth/access.ts'
import type { LockStore } from '../../src/server/store.ts'
import { Beliefs } from './beliefs.ts'
import { HistoryRecorder } from './history-recorder.ts'
import { Kernel } from './kernel.ts'
import type { WatchedEvents } from './lock-watch.ts'
import { LockableActor } from './lockable-actor.ts'
import { Machine } from './machine.ts'
import { SimulatedNetwork } from './network.ts'
import { type Action, type ClientPlan, type Fault, HEALED_AT, isCalm, type Plan } from './plan.ts'
import { Promises } from './promises.ts'
import { Random } from './random.ts'
import { RawActor } from './raw-actor.ts'
import { RawSessionActor } from './raw-session-actor.ts'
import { both } from './replaced.ts'
import { Routes } from './routes.ts'
import { SimulatedServer } from './server.ts'
import { ServerHistory } from './server-history.ts'
import { SessionDeadlines } from './session-deadlines.ts'
import { SharedWorld } from './shared-world.ts'
import { type BareStore, longestGraceOf, SimulatedStores } from './simulated-stores.ts'
import { Trace } from './trace.ts'
import type { Tweaks } from './tweaks.ts'
import { type Rule, Verdict, type Violation } from './verdict.ts'
import { WatchedStore } from './watched-store.ts'

/** True ms by which everything must be over. */
const OVER_AT = HEALED_AT + 300_000
const UNSEEN: WatchedEvents = { granted: () => {}, over: () => {} }
/** True ms after which the clients of a healed world each take a lock once more. */
const EPILOGUE_AT = HEALED_AT + 1_000

/** Somebody who uses locks, on a machine of its own. */
export interface Actor {
  readonly machine: Machine
  readonly label: string
  /** Whether it still wants locks. */
  readonly isOpen: boolean
  perform(action: Action): void
  /** The thread that beats dies, if there is one, and is missed after `noticedMs`. */
  loseWorker(noticedMs: number): void
  /** Whether a heartbeat of it may leave now. */
  mayBeat(name: string): boolean
  /** Takes and frees a lock in a healed world, where that must succeed. */
  performEpilogue(name: string): void
  /** Looks at what it kept, for what must not be there. */
  inspect(): void
}

/** What an actor is given. */
export interface ActorContext {
  readonly plan: ClientPlan
  readonly machine: Machine
  readonly kernel: Kernel
  readonly random: Random
  readonly network: SimulatedNetwork
  readonly beliefs: Beliefs
  readonly promises: Promises
  readonly verdict: Verdict
  readonly trace: Trace
  readonly tweaks: Tweaks
  /** Whether nothing goes wrong in this schedule, so that nothing may be lost. */
  readonly isFaultless: boolean
  /** Whether nothing goes wrong that a long lease does not bear. */
  readonly isCalm: boolean
  readonly trueNow: () => number
}

export interface Outcome {
  readonly violations: readonly Violation[]
  readonly hash: string
  readonly lines: readonly string[]
  /** How many requests, grants and events there were, and how long it took in true ms. */
  readonly requests: number
  readonly grants: number
  /** How many sessions were opened, and events heard on streams. */
  readonly sessions: number
  readonly heard: number
  readonly events: number
  readonly trueMs: number
}

export interface RunOptions {
  readonly tweaks?: Tweaks
  /** Whether a trace is kept. */
  readonly verbose?: boolean
  /** Rules that are not listened to. */
  readonly deafTo?: readonly Rule[]
}

/** Runs one schedule to its end, or to the first rule that is broken. */
export async function runPlan(
  plan: Plan,
  { tweaks = {}, verbose = false, deafTo = [] }: RunOptions = {},
): Promise<Outcome> {
  const undo = tweaks.patch?.()
  try {
    return await new World(plan, { tweaks, verbose, deafTo }).run()
  } finally {
    undo?.()
  }
}

class World {
  readonly #plan: Plan
  readonly #tweaks: Tweaks
  readonly #random: Random
  readonly #kernel: Kernel
  readonly #trace: Trace
  readonly #verdict: Verdict
  readonly #history = new ServerHistory()
  readonly #promises = new Promises()
  readonly #recorder: HistoryRecorder
  readonly #beliefs: Beliefs
  /** The first one is called `server`. */
  readonly #servers: readonly SimulatedServer[]
  readonly #network: SimulatedNetwork
  readonly #actors = new Map<string, Actor>()
  readonly #deadlines: SessionDeadlines
  readonly #shared: SharedWorld | null
  #store: WatchedStore | null = null

  constructor(plan: Plan, { tweaks, verbose, deafTo }: Required<RunOptions>) {
    this.#plan = plan
    this.#tweaks = tweaks
    this.#random = new Random(plan.seed).fork(0)
    const kernel = new Kernel(plan.draining)
    const now = () => kernel.now
    this.#kernel = kernel
    this.#trace = new Trace(verbose)
    this.#verdict = new Verdict(now, new Set(deafTo), ({ rule, detail }) => {
      this.#trace.add(kernel.now, 'ORACLE', `${rule}: ${detail}`)
      kernel.stop()
    })
    this.#recorder = new HistoryRecorder(now)
    this.#beliefs = new Beliefs({
      history: this.#recorder,
      verdict: this.#verdict,
      trace: this.#trace,
      now,
      looksAtFrozen: plan.looksAtFrozen,
      server: this.#history,
    })
    this.#shared = plan.store === 'shared' ? this.#createShared() : null
    this.#deadlines = new SessionDeadlines((label) => this.#actors.get(label)?.machine ?? null)
    this.#servers = this.#createServers()
    const routes = new Routes(this.#servers, this.#random.fork(4))
    this.#network = new SimulatedNetwork({
      seed: plan.seed,
      kernel,
      trace: this.#trace,
      route: (label) => routes.of(label),
      faults: plan.faults,
      longestDelayMs: plan.longestDelayMs,
      asSender: (label, task) => this.#history.asSender(label, task),
      leaves: (machine, request) => this.#checkHeartbeat(machine, request),
      sends: (machine, request) => this.#deadlines.sends(machine, request),
    })
    for (const [index, client] of plan.clients.entries())
      this.#actors.set(client.label, this.#createActor(client, index))
  }

  async run(): Promise<Outcome> {
    const stopListening = both(this.#listenForRejections(), this.#shared?.compareAll() ?? (() => {}))
    try {
      this.#schedule()
      const isQuiet = await this.#kernel.run(OVER_AT)
      await new Promise((resume) => setImmediate(resume))
      if (this.#verdict.violations.length === 0) await this.#checkEnd(isQuiet)
    } finally {
      stopListening()
    }
    return {
      violations: this.#verdict.violations,
      hash: this.#trace.hash,
      lines: this.#trace.lines,
      requests: this.#network.requests,
      grants: this.#history.grants,
      sessions: this.#history.sessions,
      heard: this.#network.events,
      events: this.#kernel.fired,
      trueMs: this.#kernel.now,
    }
  }

  #schedule(): void {
    for (const action of this.#plan.actions) {
      const actor = this.#actors.get(action.who)
      this.#kernel.after(action.at, () => actor?.machine.run(() => this.#perform(actor, action)))
    }
    for (const fault of this.#plan.faults) {
      if (fault.kind !== 'network' && fault.kind !== 'engine') this.#kernel.after(fault.at, () => this.#inflict(fault))
    }
    this.#kernel.after(EPILOGUE_AT, () => {
      this.#trace.add(this.#kernel.now, 'world', 'is healed')
      for (const actor of this.#actors.values()) {
        if (actor.isOpen) actor.machine.run(() => actor.performEpilogue(this.#random.pick(this.#plan.names)))
      }
    })
  }

  #perform(actor: Actor, action: Action): void {
    if (action.kind === 'leave') this.#history.left.add(actor.label)
    actor.perform(action)
  }

  #inflict(fault: Exclude<Fault, { readonly kind: 'network' | 'engine' }>): void {
    this.#trace.add(this.#kernel.now, 'FAULT', JSON.stringify(fault))
    if (fault.kind === 'restart') return this.#restart(this.#serverOf(fault.who ?? 'server'), fault)
    const machine = this.#serverOf(fault.who)?.machine ?? this.#actors.get(fault.who)?.machine
    if (machine === undefined) return
    if (fault.kind === 'freeze') machine.freeze(fault.ms)
    else if (fault.kind === 'sleep') machine.sleep(fault.ms)
    else if (fault.kind === 'step-wall') machine.stepWall(fault.ms)
    else if (fault.kind === 'kill-worker') this.#actors.get(fault.who)?.loseWorker(fault.ms)
    else this.#kill(machine)
  }

  #kill(machine: Machine): void {
    machine.kill()
    this.#promises.forget(machine)
  }

  /** Overlapping restarts are one. */
  #restart(server: SimulatedServer | null, { downMs, graceful }: Extract<Fault, { readonly kind: 'restart' }>): void {
    if (server === null || !server.machine.isAlive) return
    const { machine } = server
    const { epoch } = machine
    if (graceful) machine.run(() => server.drain())
    this.#kernel.after(graceful ? downMs : 0, () => {
      if (epoch !== machine.epoch) return
      server.kill(graceful)
      this.#kernel.after(downMs, () => {
        this.#trace.add(this.#kernel.now, machine.label, 'boots')
        server.boot()
      })
    })
  }

  #createShared(): SharedWorld {
    return new SharedWorld({
      ...{ plan: this.#plan, kernel: this.#kernel, verdict: this.#verdict, tweaks: this.#tweaks },
      random: this.#random.fork(2),
      note: (who, what) => this.#trace.add(this.#kernel.now, who, what),
      watch: (bare, seen) => this.#watchStore(bare, seen),
    })
  }

  #createServers(): SimulatedServer[] {
    const plan = this.#plan
    const machines = [
      new Machine('server', this.#kernel, this.#random.fork(1), plan.serverRate),
      ...plan.peers.map(
        ({ label, rate }, index) => new Machine(label, this.#kernel, this.#random.fork(3).fork(index), rate),
      ),
    ]
    return machines.map((machine, index) => {
      const stores = this.#shared?.storesOf(machine) ?? this.#createStores(machine)
      const server = new SimulatedServer({ machine, plan, stores })
      this.#shared?.scheduleReads(machine, index, (read) => server.look(read))
      return server
    })
  }

  #createStores(machine: Machine): SimulatedStores {
    return new SimulatedStores({
      ...{ plan: this.#plan, tweaks: this.#tweaks, kernel: this.#kernel, machine },
      random: this.#random.fork(2),
      history: this.#history,
      watch: (bare) => this.#watchStore(bare, UNSEEN),
      verdict: this.#verdict,
      gone: () => this.#store?.retire(),
    })
  }

  #serverOf(label: string): SimulatedServer | null {
    return this.#servers.find(({ machine }) => machine.label === label) ?? null
  }

  #watchStore({ store, machine, clock, graceMs, lateMs, broughtBack }: BareStore, seen: WatchedEvents): LockStore {
    if (graceMs > longestGraceOf(this.#plan)) {
      this.#verdict.broken('grace', `nothing is granted for ${graceMs} ms, longer than any lease`)
    }
    this.#store = new WatchedStore(store, {
      namespace: DEFAULT_NAMESPACE,
      machine,
      clock,
      ...{ graceMs, lateMs, seen },
      verdict: this.#verdict,
      trace: this.#trace,
      history: this.#history,
      trueNow: () => this.#kernel.now,
      // What is brought back is known as such.
      before: this.#plan.store === 'durable' ? null : this.#store,
    })
    this.#store.adopt(broughtBack)
    return this.#store
  }

  #createActor(plan: ClientPlan, index: number): Actor {
    const random = this.#random.fork(10 + index)
    const context: ActorContext = {
      plan,
      machine: new Machine(plan.label, this.#kernel, random.fork(0), plan.rate),
      kernel: this.#kernel,
      random: random.fork(1),
      network: this.#network,
      beliefs: this.#beliefs,
      promises: this.#promises,
      verdict: this.#verdict,
      trace: this.#trace,
      tweaks: this.#tweaks,
      isCalm: isCalm(this.#plan),
      isFaultless: this.#plan.faults.length === 0,
      trueNow: () => this.#kernel.now,
    }
    if (plan.kind === 'session') return new RawSessionActor(context)
    return plan.kind === 'raw' ? new RawActor(context) : new LockableActor(context)
  }

  /** Safety rule 3: nobody renews what it does not believe in, since that could be somebody else's by now. */
  #checkHeartbeat(machine: Machine, request: WireRequest): void {
    const [, , operation, ...rest] = request.path.split('/')
    const late = this.#deadlines.lateHeartbeat(machine, request)
    if (late !== null) this.#verdict.broken('heartbeat without belief', late)
    if (operation !== 'heartbeat') return
    const name = decodeName(rest.join('/')) ?? ''
    if (this.#actors.get(machine.label)?.mayBeat(name)) return
    this.#verdict.broken('heartbeat without belief', `${machine.label} renews ${name}, which it does not believe in`)
  }

  async #checkEnd(isQuiet: boolean): Promise<void> {
    if (!isQuiet) this.#verdict.broken('quiescence', 'something still ticks long after all is over')
    for (const promise of this.#promises.pending()) this.#verdict.broken('settling', `${promise} never settled`)
    this.#beliefs.end()
    this.#checkHistory()
    for (const actor of this.#actors.values()) if (actor.machine.isAlive) actor.inspect()
    for (const name of this.#plan.names) {
      const state = await this.#store?.inspect({ namespace: DEFAULT_NAMESPACE, name })
      if (state === undefined || (state.holders.length === 0 && state.waiters === 0)) continue
      this.#verdict.broken('quiescence', `${name} still has ${state.holders.length} holders, ${state.waiters} waiters`)
    }
  }

  #checkHistory(): void {
    const robbed = this.#plan.actions.flatMap((action) =>
      action.kind === 'hold' && action.steal === 'now' ? [action.name] : [],
    )
    const impossible = this.#recorder.findImpossible(new Set(robbed))
    if (impossible !== null) this.#verdict.broken('history', impossible)
  }

  #listenForRejections(): () => void {
    const heard = (reason: unknown) =>
      this.#verdict.broken(
        'exception',
        `Nobody handles the rejection ${reason instanceof Error ? reason.stack : reason}`,
      )
    process.on('unhandledRejection', heard)
    return () => process.off('unhandledRejection', heard)
  }
}
