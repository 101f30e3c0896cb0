import { type Instant, instant } from '../../src/core/clock.ts'
import type { WireReply, WireRequest } from '../../src/core/ports.ts'
import { SESSION_PATHS } from '../../src/protocol/paths.ts'
import type { Machine } from './machine.ts'
import { type Certainty, certain, remainsOf } from './session-book.ts'

/**
 * Until when each session is certain for its client, by that client's clocks and the protocol's book. It listens to what
 * is sent and what arrives, and knows nothing of how the client counts. All threads of a client count by its first one.
 */
export class SessionDeadlines {
  readonly #certainties = new Map<string, Certainty[]>()
  readonly #machineOf: (label: string) => Machine | null

  constructor(machineOf: (label: string) => Machine | null) {
    this.#machineOf = machineOf
  }

  /** A request is made; returns what to tell of its reply. */
  sends({ label }: Machine, { path, body }: WireRequest): (reply: WireReply) => void {
    const session = sessionOf(body)
    const clock = this.#machineOf(label)
    const renews = path === SESSION_PATHS.commands || path === SESSION_PATHS.heartbeat
    if (session === null || clock === null || !renews) return () => {}
    const sentAt = instant(clock)
    return (reply) => this.#heard(session, clock, reply, sentAt)
  }

  /** What is wrong with a heartbeat that leaves, or `null`: after its deadline a session is not renewed (rule 3). */
  lateHeartbeat({ label }: Machine, { path, body }: WireRequest): string | null {
    const session = sessionOf(body)
    const clock = this.#machineOf(label)
    if (path !== SESSION_PATHS.heartbeat || session === null || clock === null) return null
    const certainties = this.#certainties.get(session) ?? []
    const left = Math.max(...certainties.map((certainty) => remainsOf(certainty, clock)))
    if (certainties.length === 0 || left > 0) return null
    return `${label} renews ${session}, which was over for it ${Math.round(-left)} ms ago`
  }

  #heard(session: string, clock: Machine, { status, body }: WireReply, sentAt: Instant): void {
    if (status !== 200) return
    const { expires_in_ms: expiresInMs } = JSON.parse(body) as { readonly expires_in_ms?: unknown }
    if (typeof expiresInMs !== 'number') return
    const still = (this.#certainties.get(session) ?? []).filter((certainty) => remainsOf(certainty, clock) > 0)
    this.#certainties.set(session, [...still, certain(sentAt, expiresInMs)])
  }
}

function sessionOf(body: object | undefined): string | null {
  const { session } = (body ?? {}) as { readonly session?: unknown }
  return typeof session === 'string' ? session : null
}
