import type { Clock } from './clock.ts'
import { AuthenticationError, InvalidArgumentError, isLockableError } from './errors.ts'
import { lifeOf } from './token-life.ts'
import type { AuthToken } from './types.ts'

const UNUSABLE = /[\s:\p{Cc}]/u

/** The part of a token's life after which another one is asked for, so that nothing has to wait for that. */
const REFRESH_PART = 2 / 3

/** Keeps the token of one client, and brings a fresh one when the server refused it, or soon will. */
export class TokenSource {
  readonly #source: AuthToken | null
  readonly #clock: Pick<Clock, 'now'>
  #token: string | null = null
  #known = false
  #refreshAt = Number.POSITIVE_INFINITY
  #asking: Promise<string | null> | null = null

  constructor(source: AuthToken | null, clock: Pick<Clock, 'now'>) {
    this.#source = source
    this.#clock = clock
    if (typeof source !== 'function') {
      this.#token = source === null ? null : usable(source)
      this.#known = true
    }
  }

  /** The token to use now. */
  current(): Promise<string | null> {
    if (!this.#known) return this.#ask()
    // The one at hand is still good. If no other can be had, the server's refusal says so.
    if (this.#clock.now() >= this.#refreshAt) this.#ask().catch(() => undefined)
    return Promise.resolve(this.#token)
  }

  /** The last token, without asking for one. */
  get known(): string | null {
    return this.#token
  }

  /**
   * Another token than `refused`, or `null` if there is none to be had. All that ask meanwhile share one call of
   * `authToken()`.
   */
  async replace(refused: string | null): Promise<string | null> {
    if (typeof this.#source !== 'function') return null
    if (this.#token === refused) await this.#ask()
    return this.#token === refused ? null : this.#token
  }

  #ask(): Promise<string | null> {
    this.#asking ??= this.#call().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #call(): Promise<string | null> {
    const source = this.#source
    if (typeof source !== 'function') return this.#token
    try {
      const askedAt = this.#clock.now()
      const token = await source()
      this.#token = token === null ? null : usable(token)
      this.#known = true
      const life = this.#token === null ? null : lifeOf(this.#token)
      this.#refreshAt = life === null ? Number.POSITIVE_INFINITY : askedAt + life * REFRESH_PART
      return this.#token
    } catch (error) {
      if (isLockableError(error)) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new AuthenticationError(`authToken() failed, so there is no token to ask with: ${reason}`, 0)
    }
  }
}

function usable(token: unknown): string {
  if (typeof token !== 'string') throw new InvalidArgumentError(`authToken must be a string; got ${typeof token}.`)
  if (token === '') throw new InvalidArgumentError('authToken is an empty string: give a token, or leave it out.')
  if (UNUSABLE.test(token)) {
    throw new InvalidArgumentError(
      'authToken contains white space, a colon or a control character, which no token has: check that it was copied whole.',
    )
  }
  return token
}
