import type { LockMode } from '../../src/protocol/wire.ts'
import type { ServerClock } from '../../src/server/clock.ts'
import type {
  AcquireOutcome,
  AcquireStep,
  AttendOutcome,
  AttendSessionStep,
  AttendStep,
  Changed,
  CommandOutcome,
  ExecuteOutcome,
  ExecuteStep,
  LockRef,
  LockState,
  LockStore,
  OwnerRef,
  ReleaseOutcome,
  RenewOutcome,
  RenewSessionStep,
  RenewStep,
  SessionOutcome,
  Standing,
  StoreCommand,
  StoreTraits,
} from '../../src/server/store.ts'
import type { MemoryStore, MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import type { BroughtBack, DiskPlace, DurableDisk } from './durable-disk.ts'

interface Asked {
  readonly mode: LockMode
  readonly session: string | null
  readonly leaseMs: number
}

export interface DurableStoreOptions {
  readonly clock: ServerClock
  readonly disk: DurableDisk
  readonly broughtBack: BroughtBack
  readonly createMemory: (options: MemoryStoreOptions) => MemoryStore
}

/**
 * A store that comes back from a restart: the real one in memory, filled anew from what is on disk by the same steps
 * that filled it before. So every lock has its full lease, claims are held, sessions have another epoch, and nothing is
 * known any more of what had ended. Fencing tokens are those from before.
 */
export class DurableStore implements LockStore {
  readonly traits: StoreTraits
  readonly #memory: MemoryStore
  readonly #clock: ServerClock
  readonly #disk: DurableDisk
  /** The tokens of what was brought back, by owner. */
  readonly #tokens = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  readonly #asked = new Map<string, Asked>()
  /** How to end what the process listens to. */
  readonly #watching: (() => void)[] = []
  /** Those that wait, in the order of their arrival. */
  readonly #places = new Map<string, DiskPlace>()

  constructor({ clock, disk, broughtBack, createMemory }: DurableStoreOptions) {
    this.#clock = clock
    this.#disk = disk
    this.#memory = createMemory({ clock, tokenFloor: disk.lastToken })
    this.traits = { ...this.#memory.traits, durable: true, restart: 'durable' }
    this.#refill(broughtBack)
    this.#memory.watch((changed) => void this.#changed(changed))
  }

  /** The present epoch of a session. */
  epochOf(session: string): number {
    const epoch = this.#epochs.get(session) ?? this.#disk.nextEpoch()
    this.#epochs.set(session, epoch)
    return epoch
  }

  /** The store goes down: writes what decides what may come back. */
  crash(): void {
    for (const unwatch of this.#watching) unwatch()
    this.#disk.lastToken = this.#memory.lastToken
    for (const hold of this.#disk.holds.values()) {
      hold.isAlive = false
      void this.#memory.attend({ ...hold, attachMs: 0 }).then(({ kind }) => {
        hold.isAlive = kind === 'granted'
      })
    }
    for (const session of this.#disk.sessions.values()) {
      session.isAlive = false
      void this.#memory.attendSession({ session: session.id, attachMs: 0 }).then(({ kind }) => {
        session.isAlive = kind === 'standing'
      })
    }
    this.#disk.places = []
    for (const place of this.#places.values()) {
      const namespace = this.#disk.sessions.get(place.session)?.namespace ?? ''
      void this.#memory.attend({ ...place, namespace, attachMs: 0 }).then(({ kind }) => {
        if (kind === 'queued') this.#disk.places.push(place)
      })
    }
  }

  async acquire(step: AcquireStep): Promise<AcquireOutcome> {
    this.#asks(step, { mode: step.mode, session: null, leaseMs: step.leaseMs })
    const outcome = this.#translated(step.owner, await this.#memory.acquire(step))
    if (outcome.kind === 'granted') this.#granted(step, outcome)
    return outcome
  }

  async attend(step: AttendStep): Promise<AttendOutcome> {
    return this.#translated(step.owner, await this.#memory.attend(step))
  }

  async renew(steps: readonly RenewStep[]): Promise<RenewOutcome[]> {
    const outcomes = await this.#memory.renew(steps)
    return outcomes.map((outcome, index) => {
      const { name = '', owner = null } = steps[index] ?? {}
      if (outcome.kind === 'renewed') this.#disk.renewed(name, owner ?? '', outcome.leaseMs)
      return this.#translated(owner, outcome)
    })
  }

  release(step: OwnerRef): Promise<ReleaseOutcome> {
    this.#disk.released(step.name, step.owner ?? '', this.#clock.now())
    return this.#memory.release(step)
  }

  inspect(ref: LockRef): Promise<LockState> {
    return this.#memory.inspect(ref)
  }

  async execute(step: ExecuteStep): Promise<ExecuteOutcome> {
    const { namespace, session } = step
    for (const command of step.commands) this.#commanded(command, session)
    const outcome = await this.#memory.execute(step)
    if (outcome.kind !== 'executed') return outcome
    const { leaseMs } = outcome.standing
    const known = this.#disk.sessions.get(session)
    if (known) known.seq = step.seq
    else
      this.#disk.sessions.set(session, { id: session, namespace, leaseMs, seq: step.seq, endedAt: null, isAlive: true })
    const outcomes = outcome.outcomes.map((each, index) => this.#carriedOut(step, step.commands[index], each))
    for (const command of step.commands) {
      if (command.op === 'release') this.#disk.released(command.name, command.owner, this.#clock.now())
    }
    return { ...outcome, standing: this.#standing(session, outcome.standing), outcomes }
  }

  async renewSession(step: RenewSessionStep): Promise<SessionOutcome> {
    return this.#stands(step.session, await this.#memory.renewSession(step))
  }

  async attendSession(step: AttendSessionStep): Promise<SessionOutcome> {
    return this.#stands(step.session, await this.#memory.attendSession(step))
  }

  endSession(session: string): Promise<ReleaseOutcome> {
    const known = this.#disk.sessions.get(session)
    if (known) known.endedAt ??= this.#clock.now()
    return this.#memory.endSession(session)
  }

  watch(listener: (changed: Changed) => void): () => void {
    const unwatch = this.#memory.watch(listener)
    this.#watching.push(unwatch)
    return unwatch
  }

  close(): Promise<void> {
    return this.#memory.close()
  }

  #refill({ sessions, holds, places }: BroughtBack): void {
    for (const { id, namespace, leaseMs, seq } of sessions) {
      const commands = holds.filter(({ session }) => session === id).map(asAcquire)
      const open = { leaseMs, info: null }
      // Below the highest attempt, which is the last step.
      void this.#memory.execute({ namespace, session: id, open, seq: seq - 0.9, confirm: [], commands })
    }
    for (const hold of holds) {
      const { namespace, name, owner, session, mode, leaseMs, token } = hold
      this.#tokens.set(owner, token)
      this.#asks(hold, { mode, session, leaseMs })
      const options = { waitMs: 0, ifAvailable: true, steal: null, info: null }
      if (session === null) void this.#memory.acquire({ namespace, name, owner, mode, leaseMs, ...options })
    }
    for (const [index, place] of places.entries()) {
      const session = sessions.find(({ id }) => id === place.session)
      if (session === undefined) continue
      const seq = session.seq - 0.8 + (0.7 * index) / places.length
      const commands = [asAcquire(place)]
      this.#asks(place, { mode: place.mode, session: place.session, leaseMs: session.leaseMs })
      this.#places.set(keyOf(place), place)
      void this.#memory.execute({ ...session, session: session.id, open: null, seq, confirm: [], commands })
    }
    for (const { id, namespace, seq } of sessions) {
      void this.#memory.execute({ namespace, session: id, open: null, seq, confirm: [], commands: [] })
    }
  }

  #asks(ref: { readonly name: string; readonly owner: string | null }, asked: Asked): void {
    if (ref.owner !== null) this.#asked.set(keyOf(ref), asked)
  }

  #commanded(command: StoreCommand, session: string): void {
    if (command.op !== 'acquire') return
    const key = keyOf(command)
    const leaseMs = this.#disk.sessions.get(session)?.leaseMs ?? 0
    if (!this.#asked.has(key)) this.#asks(command, { mode: command.mode, session, leaseMs })
    // Who steals is not brought back as such, and asks again.
    if (command.steal !== null || command.ifAvailable || this.#places.has(key)) return
    this.#places.set(key, { name: command.name, owner: command.owner, session, mode: command.mode })
  }

  #carriedOut(
    { namespace, session }: ExecuteStep,
    command: StoreCommand | undefined,
    outcome: CommandOutcome,
  ): CommandOutcome {
    if (outcome.kind === 'synced') {
      const holds = outcome.holds.map((hold) => ({
        ...hold,
        fencingToken: this.#tokens.get(hold.owner) ?? hold.fencingToken,
      }))
      return { ...outcome, holds }
    }
    if (command?.op !== 'acquire' || outcome.kind !== 'granted') return outcome
    const { name, owner } = command
    const translated = this.#translated(owner, outcome)
    this.#granted({ namespace, name, owner, session }, translated)
    return translated
  }

  /** A promotion is on disk before anybody is told. */
  async #changed(changed: Changed): Promise<void> {
    const outcome = await this.#memory.attend({ ...changed, attachMs: 0 })
    if (outcome.kind === 'granted') this.#granted(changed, this.#translated(changed.owner, outcome))
  }

  #granted(
    ref: OwnerRef & { readonly session?: string | null },
    { fencingToken: token, leaseMs }: { readonly fencingToken: number; readonly leaseMs: number },
  ): void {
    const { namespace, name, owner } = ref
    if (owner === null) return
    const asked = this.#asked.get(keyOf({ name, owner }))
    const { mode = 'exclusive' } = asked ?? {}
    const session = ref.session ?? asked?.session ?? null
    this.#places.delete(keyOf({ name, owner }))
    this.#disk.granted({ namespace, name, owner, session, mode, token, leaseMs, releasedAt: null, isAlive: true })
  }

  #translated<Outcome extends { readonly kind: string }>(owner: string | null, outcome: Outcome): Outcome {
    const token = owner === null ? undefined : this.#tokens.get(owner)
    return token !== undefined && 'fencingToken' in outcome ? { ...outcome, fencingToken: token } : outcome
  }

  #stands(session: string, outcome: SessionOutcome): SessionOutcome {
    return outcome.kind === 'standing' ? this.#standing(session, outcome) : outcome
  }

  #standing(session: string, standing: Standing): Standing {
    return { ...standing, epoch: this.epochOf(session) }
  }
}

function asAcquire({ name, owner, mode }: Pick<DiskPlace, 'name' | 'owner' | 'mode'>): StoreCommand {
  return { op: 'acquire', name, owner, mode, ifAvailable: false, steal: null, info: null }
}

function keyOf({ name, owner }: { readonly name: string; readonly owner: string | null }): string {
  return `${name}\0${owner}`
}
