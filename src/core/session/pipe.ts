import { SESSION_PATHS } from '../../protocol/paths.ts'
import {
  type CommandResult,
  type CommandsReply,
  type CommandsRequest,
  MAX_COMMANDS,
  MAX_COMMANDS_BYTES,
  type SessionCommand,
} from '../../protocol/session.ts'
import type { EndReason } from '../../protocol/wire.ts'
import { linkAborts, pause } from '../async.ts'
import { isAnswer, isOwned, member, type ReadReply, readReply, replyError } from '../calls.ts'
import { type Instant, instant } from '../clock.ts'
import { type Connection, REQUEST_TIMEOUT_MS } from '../connection.ts'
import { isLockableError, type LockableError, ProtocolError, ServerError } from '../errors.ts'
import { backoffMs } from '../patience.ts'
import type { Runtime, WireRequest } from '../ports.ts'
import { ClassicServerFound, NoSessionsFound } from '../server-found.ts'
import { goneReason, readStanding } from './calls.ts'

/** An attempt may take this part of the lease, so that what it asks for can be asked again within the lease. */
const ATTEMPT_PART = 1 / 6
const SHORTEST_ATTEMPT_MS = 1_000
/** What a server answers to a path that it does not know. */
const UNKNOWN_PATH: ReadonlySet<number> = new Set([404, 405, 501])
/** Room for what a request has beside its commands. */
const ENVELOPE_BYTES = 2_048
/** The most bytes of UTF-8 that one UTF-16 code unit can need. */
const BYTES_PER_UNIT = 3

/** Why an attempt is cut off that nobody waits for any more. */
const ABANDONED = Symbol('abandoned')

/** A command until it is answered. */
export interface Entry {
  readonly command: SessionCommand
  /** Somebody waits for it, so that the process must not end before it is answered. */
  isWanted: boolean
  /** It goes out with an attempt. */
  readonly sending: (sentAt: Instant) => void
  readonly answered: (result: CommandResult, answer: PipeAnswer) => void
  /** The attempt that it went out with, or would have, brought no answer; it is repeated. */
  readonly failed?: (error: LockableError) => void
  /** The server refuses the request that it was, or would be, part of. */
  readonly refused?: (error: unknown) => void
}

/** What an attempt brought. */
export interface PipeAnswer {
  readonly reply: CommandsReply
  /** Before the attempt that was answered went out. */
  readonly sentAt: Instant
  /** The owners that it named in `confirm`. */
  readonly named: readonly string[]
}

export interface PipeOptions {
  readonly runtime: Runtime
  readonly connection: Connection
  /** The secret of the session. */
  readonly session: string
  /** The lease to ask for, in ms; `null` for the server's own. */
  readonly leaseMs: number | null
  /** Aborts when the session is over; nothing is sent or told any more. */
  readonly over: AbortSignal
  /** The owners of claims that are to be confirmed. */
  readonly claimed: () => readonly string[]
  readonly answered: (answer: PipeAnswer) => void
  /** An attempt failed; it is repeated. */
  readonly failed: (error: LockableError) => void
  /** The server refuses the request as a whole, or is none that knows sessions. */
  readonly refused: (error: unknown) => void
  /** The server does not know the session any more. */
  readonly gone: (reason: EndReason) => void
}

/**
 * The one ordered pipe of a session. While a request is on its way, what comes meanwhile is gathered and goes out with
 * the next one, so that any number of concurrent acquires share requests, and a single one waits for nothing.
 */
export class CommandPipe {
  readonly #options: PipeOptions
  #outbox: Entry[] = []
  #seq = 0
  #isOpen = false
  #isPolling = false
  #isRunning = false
  #failures = 0
  #leaseMs: number
  #wake: () => void = () => {}
  /** The attempt that is on its way; `entries` is `null` until it is sent. */
  #attempting: { readonly entries: readonly Entry[] | null; readonly abort: (reason: unknown) => void } | null = null

  constructor(options: PipeOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? REQUEST_TIMEOUT_MS / ATTEMPT_PART
  }

  /** Whether the server has answered, so that it knows the session. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether what comes now has to wait. */
  get isBusy(): boolean {
    return this.#attempting !== null || this.#failures > 0
  }

  /** Whether somebody waits for what there is to say. */
  get isWanted(): boolean {
    return this.#outbox.some(({ isWanted }) => isWanted)
  }

  /** Harmless for a command that is not answered yet. */
  add(entry: Entry): void {
    if (!this.#outbox.includes(entry)) this.#outbox.push(entry)
    this.kick()
  }

  /** Goes before all others: what it brings decides what they mean. */
  addFirst(entry: Entry): void {
    this.#outbox.unshift(entry)
    this.kick()
  }

  /**
   * Takes a command back, which may have gone out already. An attempt that nobody waits for any more is cut off, so that
   * what comes after it need not wait: a later attempt overtakes it.
   */
  remove(entry: Entry): void {
    const index = this.#outbox.indexOf(entry)
    if (index === -1) return
    this.#outbox.splice(index, 1)
    if (this.#attempting === null) return
    const { entries, abort } = this.#attempting
    // Before it is sent, while the token is waited for, it is about all that there is to say.
    const isAbout = entries?.includes(entry) ?? true
    const isWaitedFor = entries?.some((other) => this.#outbox.includes(other)) ?? this.#hasWork
    if (isAbout && !isWaitedFor) abort(ABANDONED)
  }

  /** Asks how the session stands, also if there is no command. */
  poll(): void {
    this.#isPolling = true
    this.kick()
  }

  /** Sends what there is to say, with the rest of what this task has to say. */
  kick(): void {
    if (this.#isRunning || this.#options.over.aborted) return
    this.#isRunning = true
    void Promise.resolve().then(() => this.#run())
  }

  /** Repeats at once what failed, as when the network is back. */
  nudge(): void {
    this.#wake()
  }

  async #run(): Promise<void> {
    const { over } = this.#options
    while (!over.aborted && this.#hasWork) {
      try {
        await this.#attempt()
        this.#failures = 0
      } catch (error) {
        if (over.aborted) break
        if (error === ABANDONED) continue
        await this.#afterFailure(error)
      }
    }
    this.#isRunning = false
  }

  get #hasWork(): boolean {
    return this.#outbox.length > 0 || this.#isPolling || this.#options.claimed().length > 0
  }

  async #attempt(): Promise<void> {
    const { runtime, connection, over } = this.#options
    let named: readonly string[] = []
    let entries: readonly Entry[] = []
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, Math.max(SHORTEST_ATTEMPT_MS, this.#leaseMs * ATTEMPT_PART))
    const cut = linkAborts([over])
    this.#attempting = { entries: null, abort: cut.abort }
    let sentAt = instant(runtime)
    const request = { method: 'POST', path: SESSION_PATHS.commands, authToken: null } as const
    const reply = await connection
      .withToken((authToken) => {
        this.#seq += 1
        // Asking for the token may have taken a while: only the attempt that is answered counts, and who has given up
        // meanwhile must not be asked for any more.
        sentAt = instant(runtime)
        named = this.#options.claimed()
        entries = this.#batch(named)
        // A confirmation is waited for in any case.
        this.#attempting = { entries, abort: named.length === 0 ? cut.abort : () => {} }
        // What is asked for from here on may be about something that this attempt cannot know yet.
        this.#isPolling = false
        const body = this.#body(entries, named)
        const sent = runtime.send({ ...request, body, authToken }, { timeoutMs, signal: cut.signal })
        for (const entry of entries) entry.sending(sentAt)
        return sent
      }, cut.signal)
      .finally(() => {
        this.#attempting = null
        cut.undo()
      })
    if (over.aborted) return
    const read = readReply(reply)
    const gone = goneReason(read)
    if (gone !== null) return this.#options.gone(gone)
    await this.#recognise(read)
    if (over.aborted) return
    const { results } = this.#read({ ...request, authToken: connection.authToken }, read, entries)
    this.#isOpen = true
    const carried = new Set(entries)
    this.#outbox = this.#outbox.filter((entry) => !carried.has(entry))
    const answer: PipeAnswer = { reply: read.json as CommandsReply, sentAt, named }
    this.#leaseMs = answer.reply.lease_ms
    for (const [index, entry] of entries.entries()) {
      const result = results[index]
      if (result !== undefined && !over.aborted) entry.answered(result, answer)
    }
    if (!over.aborted) this.#options.answered(answer)
  }

  #body(entries: readonly Entry[], confirm: readonly string[]): CommandsRequest {
    const { session, leaseMs } = this.#options
    return {
      session,
      ...(this.#isOpen ? {} : { open: leaseMs === null ? {} : { lease_ms: leaseMs } }),
      seq: this.#seq,
      ...(confirm.length === 0 ? {} : { confirm: [...confirm] }),
      commands: entries.map(({ command }) => command),
    }
  }

  /** As many commands as fit into a request, from the first on. */
  #batch(named: readonly string[]): Entry[] {
    const batch: Entry[] = []
    let bytes = ENVELOPE_BYTES + JSON.stringify(named).length
    for (const entry of this.#outbox) {
      bytes += BYTES_PER_UNIT * JSON.stringify(entry.command).length
      if (batch.length === MAX_COMMANDS || (batch.length > 0 && bytes > MAX_COMMANDS_BYTES)) break
      batch.push(entry)
    }
    return batch
  }

  /** Finds out, with the first reply, whether this is a server that knows sessions. Throws if it is not. */
  async #recognise(read: ReadReply): Promise<void> {
    const { connection, over } = this.#options
    if (this.#isOpen || isOwned(read)) return connection.learn('owned')
    if (read.problem === 'not-found' || read.problem === 'method-not-allowed') {
      connection.learn('owned')
      throw new NoSessionsFound()
    }
    if (read.problem !== null) return
    const isKnown = connection.dialect === 'owned'
    if (isAnswer(read) && !isKnown) throw new ClassicServerFound()
    if (!UNKNOWN_PATH.has(read.status)) return
    const service = await connection.checkClassic(read, SESSION_PATHS.commands, over)
    if (service === 'no-sessions') throw new NoSessionsFound()
    if (!isKnown) throw new ClassicServerFound()
  }

  #read(request: WireRequest, read: ReadReply, entries: readonly Entry[]): CommandsReply {
    if (read.problem === 'seq-spent') {
      throw new ServerError('A later attempt of this session has come before this one; it is made again.', 409, null)
    }
    if (!isOwned(read)) throw replyError(request, read)
    readStanding(request, read)
    const results = member(read.json, 'results')
    const areResults = Array.isArray(results) && results.every((each) => typeof each === 'object' && each !== null)
    if (areResults && results.length === entries.length) return read.json as CommandsReply
    throw new ProtocolError(
      `The answer to ${request.method} ${request.path} has not one result for each command: it is not what a lock server sends.`,
      read.status,
    )
  }

  async #afterFailure(error: unknown): Promise<void> {
    const { runtime, over } = this.#options
    this.#failures += 1
    if (isTransient(error)) {
      this.#isPolling = true
      this.#options.failed(error)
      for (const entry of [...this.#outbox]) entry.failed?.(error)
    } else {
      this.#options.refused(error)
      for (const entry of [...this.#outbox]) entry.refused?.(error)
    }
    if (over.aborted || !this.#hasWork) return
    const waiting = linkAborts([over])
    this.#wake = () => waiting.abort(undefined)
    await pause(runtime, backoffMs(runtime, this.#failures, error), waiting.signal, !this.isWanted).catch(() => {})
    waiting.undo()
    this.#wake = () => {}
  }
}

function isTransient(error: unknown): error is LockableError {
  return isLockableError(error) && (error.code === 'network' || error.code === 'server')
}
