import { API_ROOT, SESSION_PATHS } from '../protocol/paths.ts'
import { abandonable, within } from './async.ts'
import { TokenSource } from './auth.ts'
import { isOwned, member, type ReadReply, readReply, replyError } from './calls.ts'
import { AuthenticationError, type LockableError, ProtocolError } from './errors.ts'
import type { Dialect } from './events.ts'
import type { Runtime, SendOptions, WireReply, WireRequest } from './ports.ts'
import type { AuthToken } from './types.ts'

/** ms that a request which is not parked may take, if nothing says otherwise. */
export const REQUEST_TIMEOUT_MS = 10_000

/** One client's way to its server: which token it asks with, and which dialect is spoken there. */
export class Connection {
  readonly #runtime: Runtime
  readonly #tokens: TokenSource
  readonly #fixed: Dialect | null
  readonly #learnt: (dialect: Dialect) => void
  #dialect: Dialect | null
  #hasSessions = true

  constructor(runtime: Runtime, dialect: Dialect | 'auto', authToken: AuthToken | null, learnt: (d: Dialect) => void) {
    this.#runtime = runtime
    this.#tokens = new TokenSource(authToken, runtime)
    this.#fixed = dialect === 'auto' ? null : dialect
    this.#dialect = this.#fixed
    this.#learnt = learnt
  }

  /** What the server speaks, or `null` while that is not known. */
  get dialect(): Dialect | null {
    return this.#dialect
  }

  /** Whether the server may know sessions: `true` until it shows that it does not. */
  get hasSessions(): boolean {
    return this.#hasSessions
  }

  /** The last token, without asking for one. */
  get authToken(): string | null {
    return this.#tokens.known
  }

  /** The token to ask with. */
  token(): Promise<string | null> {
    return this.#tokens.current()
  }

  learn(dialect: Dialect): void {
    if (this.#dialect === dialect || this.#dialect === 'owned') return
    this.#dialect = dialect
    this.#learnt(dialect)
  }

  learnNoSessions(): void {
    this.#hasSessions = false
  }

  /** Forgets that the server is a classic one. That it is an owned one is never forgotten: nothing else says so. */
  forgetClassic(): void {
    if (this.#fixed === null && this.#dialect === 'classic') this.#dialect = null
  }

  /** Another token than the one that was refused, or `null`. */
  replaceToken(refused: string | null): Promise<string | null> {
    return this.#tokens.replace(refused)
  }

  /** Sends a request with the token. When that is refused with 401, asks for another one once. */
  async call(
    request: Omit<WireRequest, 'authToken'>,
    options: SendOptions & { signal: AbortSignal },
  ): Promise<WireReply> {
    return this.withToken((authToken) => this.#runtime.send({ ...request, authToken }, options), options.signal)
  }

  /**
   * Does something that needs the token, and does it once more with another one if that was refused with 401.
   *
   * A function of the application brings the token, and may take its time. Nothing is begun any more once `givenUp` has
   * aborted: what would be granted then, nobody would hand back.
   */
  async withToken(task: (authToken: string | null) => Promise<WireReply>, givenUp: AbortSignal): Promise<WireReply> {
    const token = await abandonable(this.#tokens.current(), givenUp)
    givenUp.throwIfAborted()
    const reply = await task(token)
    if (reply.status !== 401) return reply
    const fresh = await abandonable(this.#tokens.replace(token), givenUp)
    givenUp.throwIfAborted()
    return fresh === null ? reply : task(fresh)
  }

  /**
   * Does something with the token at hand, with nothing awaited before: a page that is about to go gets no further. If
   * that was refused with 401, does it once more with another one.
   */
  async withTokenAtHand<T>(task: (authToken: string | null) => Promise<T>): Promise<T> {
    const token = this.#tokens.known
    try {
      return await task(token)
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.status !== 401) throw error
      const fresh = await within(this.#runtime, this.#tokens.replace(token), REQUEST_TIMEOUT_MS, error)
      if (fresh === null) throw error
      return task(fresh)
    }
  }

  /** What is wrong with `read`, which was meant to answer `request`. */
  error(request: Omit<WireRequest, 'authToken'>, read: ReadReply): LockableError {
    return replyError({ ...request, authToken: this.authToken }, read)
  }

  /**
   * What a server is that refused a POST in a way that none of ours does: `'classic'` if it may be one; `'no-sessions'`
   * if it is an owned one that knows none. Rejects if it is an owned one behind something that lets no POST through.
   */
  async checkClassic(refusal: ReadReply, path: string, signal: AbortSignal): Promise<'classic' | 'no-sessions'> {
    const service = readReply(
      await this.call({ method: 'GET', path: API_ROOT }, { timeoutMs: REQUEST_TIMEOUT_MS, signal }),
    )
    if (!isOwned(service)) return 'classic'
    this.learn('owned')
    const features = member(service.json, 'features')
    if (path === SESSION_PATHS.commands && Array.isArray(features) && !features.includes('sessions')) {
      return 'no-sessions'
    }
    throw new ProtocolError(
      `The server speaks the owned dialect, but ${refusal.status} came back to POST ${path}: ` +
        'something in between does not let POST through. Allow POST on /v1/.',
      refusal.status,
    )
  }
}
