import { type Instant, instant } from '../../src/core/clock.ts'
import type { WireReply } from '../../src/core/ports.ts'
import { readProblem } from '../../src/protocol/problems.ts'
import type {
  CommandResult,
  CommandsReply,
  SessionCommand,
  SessionEvent,
  SessionStanding,
  SyncReply,
} from '../../src/protocol/session.ts'
import type { GrantedReply, RefusedReply } from '../../src/protocol/wire.ts'
import type { HoldAction } from './plan.ts'
import { BookedLock, type Certainty, certain, isCertain } from './session-book.ts'
import type { ClientPorts } from './tweaks.ts'
import type { ActorContext } from './world.ts'

/** An attempt may take this part of the lease. */
const ATTEMPT_PART = 1 / 6
const SHORTEST_ATTEMPT_MS = 250
const REQUEST_MS = 3_000
const RELEASES = 5
/** A waiting client that hears nothing on its stream for so long polls at once, in ms. */
const SILENT_MS = 2_000

/** What became of an acquire. `again`: nobody has it, and it must be asked for anew with a new owner. */
export type Decision = 'granted' | 'refused' | 'lost' | 'again'

interface Pending {
  readonly lock: BookedLock
  readonly command: SessionCommand
  readonly decide: (decision: Decision) => void
}

/**
 * One session, as the protocol's documentation tells and without our client: an ordered pipe of commands, heartbeats
 * beside it, and a stream or polls while it waits.
 */
export class RawSession {
  readonly id: string
  readonly #context: ActorContext
  readonly #ports: ClientPorts
  readonly #leaseMs: number
  readonly #hasStream: boolean
  readonly #locks = new Map<string, Pending>()
  #unanswered: SessionCommand[] = []
  #renewals: Certainty[] = []
  #epoch: number | null = null
  #seq = 0
  #isOpened = false
  #isBusy = false
  #isOver = false
  #polls = false
  #stream: AbortController | null = null
  #heardAt: number

  constructor(context: ActorContext, ports: ClientPorts, leaseMs: number) {
    this.id = ports.newSecret()
    this.#context = context
    this.#ports = ports
    this.#leaseMs = leaseMs
    this.#hasStream = context.random.chance(context.plan.streamChance)
    this.#heardAt = ports.now()
    this.#beatLater()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** How many owners it has that it holds with, waits with or has not released yet. */
  get size(): number {
    return this.#locks.size
  }

  /** Whether the session still lives, by the client's own count. */
  isCertain(): boolean {
    return !this.#isOver && this.#renewals.some((renewal) => isCertain(renewal, this.#ports))
  }

  /** Whether something more can be asked for in it: it has just begun, or still lives. */
  isUsable(): boolean {
    return !this.#isOver && (!this.#isOpened || this.isCertain())
  }

  /** Asks for a lock; `decided` is told once what came of it. */
  acquire(action: HoldAction, owner: string, decided: (decision: Decision) => void): BookedLock {
    const { name, mode, steal, blocking } = action
    const { machine, plan, trueNow } = this.#context
    const isSessionCertain = () => this.isCertain()
    const clock = this.#ports
    const lock = new BookedLock({
      machine,
      clock,
      label: plan.label,
      name,
      mode,
      owner,
      askedAt: trueNow(),
      isSessionCertain,
    })
    let isDecided = false
    const decide = (decision: Decision) => {
      if (isDecided) return
      isDecided = true
      decided(decision)
    }
    const options = { mode, ...(steal === null ? {} : { steal }), ...(blocking ? {} : { if_available: true }) }
    const command: SessionCommand = { op: 'acquire', name, owner, ...options }
    this.#locks.set(owner, { lock, command, decide })
    this.#command(command)
    this.#pollLater()
    return lock
  }

  /** The application does not want it any more. */
  release(lock: BookedLock): void {
    lock.end()
    this.#context.beliefs.ends(lock)
    if (this.#isOver || !this.#locks.has(lock.owner)) return
    const { name, owner } = lock
    if (lock.firstSentAt === null) {
      this.#unanswered = this.#unanswered.filter((command) => !('owner' in command) || command.owner !== owner)
      this.#locks.delete(owner)
      return
    }
    // One may overtake the pipe.
    if (this.#context.random.chance(0.2)) void this.#post(`/v1/release/${encodeURIComponent(name)}`, { owner })
    this.#command({ op: 'release', name, owner })
  }

  /** Hands all back. What opened it may still be on its way: that is told too. */
  async end(): Promise<void> {
    this.#finish()
    for (let attempt = 1; attempt <= RELEASES; attempt += 1) {
      if ((await this.#post('/v1/session/release', { session: this.id })) !== null) return
    }
  }

  /** Nothing is told any more, and nothing of it is believed. */
  vanish(): void {
    this.#finish()
  }

  #finish(): void {
    this.#isOver = true
    this.#stream?.abort()
    for (const { lock, decide } of [...this.#locks.values()]) {
      const wasWaiting = lock.state === 'waiting' || (lock.state === 'claim' && !lock.believes())
      lock.end()
      this.#context.beliefs.ends(lock)
      decide(wasWaiting ? 'again' : 'lost')
    }
    this.#locks.clear()
  }

  #command(command: SessionCommand): void {
    this.#unanswered.push(command)
    this.#pump()
  }

  /** One attempt at a time; what comes meanwhile is gathered for the next. */
  #pump(): void {
    if (this.#isOver || this.#isBusy) return
    if (this.#unanswered.length === 0 && !this.#polls && this.#claims().length === 0) return
    if (this.#hasLapsed()) return this.#giveUp()
    this.#isBusy = true
    void this.#attempt().then((delayMs) => {
      this.#isBusy = false
      if (delayMs === 0) this.#pump()
      else this.#ports.setTimer(() => this.#pump(), delayMs)
    })
  }

  /** Sends all that is not answered. Resolves to the ms after which it may be tried again. */
  async #attempt(): Promise<number> {
    const { random } = this.#context
    this.#seq += random.whole(1, 3)
    this.#polls = false
    const commands = [...this.#unanswered]
    const sentAt = instant(this.#ports)
    for (const command of commands) this.#sends(command, sentAt)
    const confirm = this.#claims()
    const body = { session: this.id, ...this.#opening(), seq: this.#seq, confirm, commands }
    const timeoutMs = Math.max(SHORTEST_ATTEMPT_MS, this.#leaseMs * ATTEMPT_PART)
    const reply = await this.#post('/v1/session/commands', body, timeoutMs)
    if (this.#isOver) return 0
    if (reply?.status !== 200) {
      this.#failed(reply)
      return random.between(20, 400)
    }
    const answer = JSON.parse(reply.body) as CommandsReply
    this.#isOpened = true
    // What was put before them meanwhile is not answered yet.
    this.#unanswered = this.#unanswered.filter((command) => !commands.includes(command))
    for (const [index, command] of commands.entries()) {
      const result = answer.results[index]
      if (result !== undefined) this.#answered(command, result, answer, sentAt)
    }
    this.#stands(answer, sentAt, confirm)
    return this.#unanswered.length > 0 ? 0 : random.between(1, 50)
  }

  #opening(): object {
    return this.#isOpened ? {} : { open: { lease_ms: this.#leaseMs } }
  }

  #sends(command: SessionCommand, sentAt: Instant): void {
    if (command.op !== 'acquire') return
    const lock = this.#locks.get(command.owner)?.lock
    if (lock) lock.firstSentAt ??= sentAt
  }

  /** The owners of claims that are wanted. */
  #claims(): string[] {
    return [...this.#locks.values()].flatMap(({ lock }) => (lock.state === 'claim' ? [lock.owner] : []))
  }

  #failed(reply: WireReply | null): void {
    if (reply === null || reply.status !== 409) return
    // A later attempt came first: this one is sent again under a larger number.
    if (readProblem(JSON.parse(reply.body))?.code === 'session-unknown') this.#finish()
  }

  #answered(command: SessionCommand, result: CommandResult, standing: SessionStanding, sentAt: Instant): void {
    if (command.op === 'sync') return this.#synced(result as SyncReply, standing, sentAt)
    if (command.op === 'query') return
    const pending = this.#locks.get(command.owner)
    if (command.op === 'release') return void this.#locks.delete(command.owner)
    if (pending === undefined || pending.lock.state === 'over') return
    if ('problem' in result) return pending.decide('again')
    this.#acquired(command, pending, result as GrantedReply | RefusedReply, standing, sentAt)
  }

  #acquired(
    command: SessionCommand,
    { lock, decide }: Pending,
    result: GrantedReply | RefusedReply,
    { epoch }: SessionStanding,
    sentAt: Instant,
  ): void {
    if (result.response) {
      const certainty = certain(sentAt, result.expires_in_ms)
      if (result.confirm) lock.claimed(result.fencing_token, epoch, certainty)
      else lock.granted(result.fencing_token, epoch, certainty)
    } else if (result.reason === 'shutdown') {
      // It has no place there; another server, or the same after a restart, may give one.
      this.#ports.setTimer(() => lock.state === 'waiting' && this.#command(command), 1_000)
    } else if (result.position === undefined) {
      decide('refused')
    } else this.#openStream()
  }

  #stands(standing: SessionStanding, sentAt: Instant, confirm: readonly string[]): void {
    this.#heardAt = this.#ports.now()
    if (this.#epoch !== null && this.#epoch !== standing.epoch) this.#unanswered.unshift({ op: 'sync' })
    this.#epoch = standing.epoch
    this.#renewals = this.#renewals.filter((renewal) => isCertain(renewal, this.#ports))
    this.#renewals.push(certain(sentAt, standing.expires_in_ms))
    for (const pending of [...this.#locks.values()]) {
      pending.lock.stands(standing, sentAt, confirm.includes(pending.lock.owner))
      this.#look(pending)
    }
    this.#pump()
  }

  /** Tells the application what it may believe by now, and the server what it need not tell any more. */
  #look({ lock, decide }: Pending): void {
    const { beliefs } = this.#context
    if (lock.believes()) {
      decide('granted')
      beliefs.look(lock.name)
    } else if (lock.state === 'over') decide('lost')
  }

  /** Under a new epoch: goes on with what is listed, releases what it does not know, asks anew for what is missing. */
  #synced({ holds, waits }: SyncReply, { epoch, expires_in_ms, ending }: SessionStanding, sentAt: Instant): void {
    const held = new Set(holds.map(({ owner }) => owner))
    const awaited = new Set(waits.map(({ owner }) => owner))
    for (const { owner, name } of [...holds, ...waits]) {
      if (!this.#locks.has(owner)) this.#unanswered.push({ op: 'release', name, owner })
    }
    for (const { lock, command, decide } of [...this.#locks.values()]) {
      const isWaiting = lock.state === 'waiting'
      // It was granted before, and nobody heard of it.
      if (held.has(lock.owner) && isWaiting && !this.#unanswered.includes(command)) this.#unanswered.push(command)
      const fixed = ending.find(({ owner }) => owner === lock.owner)
      if (held.has(lock.owner)) lock.listed(epoch, certain(sentAt, fixed?.expires_in_ms ?? expires_in_ms))
      else if (!isWaiting || !awaited.has(lock.owner)) {
        lock.end()
        decide(isWaiting ? 'again' : 'lost')
      }
    }
  }

  #beatLater(): void {
    this.#ports.setTimer(() => void this.#beat(), this.#leaseMs * this.#context.random.between(0.15, 0.35))
  }

  async #beat(): Promise<void> {
    if (this.#isOver) return
    if (this.#hasLapsed()) return this.#giveUp()
    // Who has nothing lets it lapse.
    const isIdle = this.#isOpened && this.#locks.size === 0
    if (isIdle && !this.isCertain()) return this.vanish()
    this.#beatLater()
    if (isIdle || !this.#isOpened) return
    // Who only waits asks by a poll whether there is still a session.
    if (!this.isCertain()) return
    const confirm = this.#claims()
    const sentAt = instant(this.#ports)
    void this.#beatAlone()
    const reply = await this.#post('/v1/session/heartbeat', { session: this.id, confirm })
    if (this.#isOver || reply === null) return
    if (reply.status === 200) this.#stands(JSON.parse(reply.body) as SessionStanding, sentAt, confirm)
    else this.#failed(reply)
  }

  /** The heartbeat of a single lock, which has no business here and must not renew anything. */
  async #beatAlone(): Promise<void> {
    const [pending] = this.#locks.values()
    if (pending?.lock.state !== 'held' || !pending.lock.believes() || !this.#context.random.chance(0.1)) return
    const { name, owner } = pending.lock
    await this.#post(`/v1/heartbeat/${encodeURIComponent(name)}`, { owner })
  }

  /** Whether its time is over by the client's own count, while the client counted on it. */
  #hasLapsed(): boolean {
    if (!this.#isOpened || this.isCertain()) return false
    return [...this.#locks.values()].some(({ lock }) => lock.fencingToken !== null)
  }

  #giveUp(): void {
    void this.end()
  }

  #isWaiting(): boolean {
    return !this.#isOver && [...this.#locks.values()].some(({ lock }) => lock.state === 'waiting')
  }

  /** Whoever waits polls often enough to keep its place alive, or watches over its stream. */
  #pollLater(): void {
    if (this.#isPolling) return
    this.#isPolling = true
    this.#ports.setTimer(
      () => {
        this.#isPolling = false
        if (!this.#isWaiting()) return this.#closeStream()
        const isSilent = this.#ports.now() - this.#heardAt > SILENT_MS
        if (this.#stream === null || isSilent) {
          this.#polls = true
          this.#pump()
        }
        if (isSilent) this.#closeStream()
        this.#openStream()
        this.#pollLater()
      },
      this.#context.random.between(100, 1_600),
    )
  }

  #isPolling = false

  #openStream(): void {
    if (!this.#hasStream || !this.#isOpened || this.#stream !== null || !this.#isWaiting()) return
    const stream = new AbortController()
    this.#stream = stream
    const body = { sessions: [{ session: this.id }] }
    const request = { method: 'POST', path: '/v1/session/stream', body, authToken: null } as const
    const ended = () => {
      if (this.#stream === stream) this.#stream = null
    }
    this.#ports
      .openStream(request, { signal: stream.signal, heard: (data) => this.#stream === stream && this.#hear(data) })
      .then(ended, ended)
  }

  #closeStream(): void {
    this.#stream?.abort()
    this.#stream = null
  }

  #hear(data: string | null): void {
    this.#heardAt = this.#ports.now()
    if (data === null || this.#isOver) return
    const event = JSON.parse(data) as SessionEvent
    if (event.session !== this.id) return
    if (event.type === 'gone') return this.#finish()
    const pending = this.#locks.get(event.owner)
    // The next reply tells of a new epoch.
    if (pending === undefined || event.epoch !== this.#epoch) return
    if (event.type === 'granted') pending.lock.claimedByEvent(event)
    if (event.type === 'lost') pending.lock.end()
    this.#look(pending)
    this.#pump()
  }

  async #post(path: string, body: object, timeoutMs = REQUEST_MS): Promise<WireReply | null> {
    try {
      const reply = await this.#ports.send({ method: 'POST', path, body, authToken: null }, { timeoutMs })
      return reply.status >= 500 ? null : reply
    } catch {
      return null
    }
  }
}
