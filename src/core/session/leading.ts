import { MAX_STREAM_SESSIONS } from '../../protocol/session.ts'
import type { ClientContext } from '../context.ts'
import type { CancelTimer } from '../ports.ts'
import { KeptStream } from './kept-stream.ts'
import type { NewsListener } from './news.ts'
import type { Announcement, TabMessage } from './tab-messages.ts'

/** ms for which announcements are gathered before the stream is opened anew: several tabs often come at once. */
const GATHER_MS = 50
/** ms for which a stream is left alone at least, however many come and go. */
const LEAST_LIFE_MS = 250
/** The other tabs are told no more often that the stream lives, in ms. */
const PULSE_MS = 500
/** A tab that answered none of so many calls, for so many ms, has gone without a word. */
const GONE = { calls: 8, ms: 10_000 }

export interface LeadingOptions {
  readonly context: ClientContext
  /** Our own name among the tabs. */
  readonly tab: string
  /** Who is told in this tab. */
  readonly listener: NewsListener
  /** Says something to all other tabs. */
  readonly post: (message: TabMessage) => void
  /** Nobody waits any more, here or elsewhere, or it was stopped. */
  readonly over: () => void
}

interface Tab {
  readonly sessions: readonly string[]
  /** By the monotonic clock. */
  readonly announcedAt: number
  /** How often it was called since. */
  calls: number
}

/**
 * Opens one stream for the waiting sessions of all tabs, and passes on what it tells.
 *
 * A stream tells on opening all that there is, so one that is opened anew loses nothing for those that stay. That is done
 * for each session that begins to wait, also if the present stream has it still: what that told of it before may have
 * found nobody.
 *
 * Nothing here waits for a timer alone: those of a hidden page may come once a minute, but what the stream carries comes
 * at once.
 */
export class Leading {
  readonly #options: LeadingOptions
  readonly #tabs = new Map<string, Tab>()
  readonly #stream: KeptStream
  readonly #over = new AbortController()
  /** The sessions that wait and are told of by the stream that there is. */
  #carried: ReadonlySet<string> = new Set()
  /** Whether the stream has a session of a tab that has gone without a word: it makes the server believe in it. */
  #hasGhost = false
  #openedAt = Number.NEGATIVE_INFINITY
  #pulsedAt = Number.NEGATIVE_INFINITY
  #renewal: { readonly at: number; readonly cancel: CancelTimer } | null = null

  constructor(options: LeadingOptions) {
    this.#options = options
    this.#stream = new KeptStream({
      context: options.context,
      // It is this tab's turn to park a request as long as it leads.
      whileParking: (poll) => poll(true),
      sessions: () => this.#opening(),
      heard: (_sessions, data) => this.#heard(data),
      failed: () => this.#call(),
    })
  }

  /** Leads until nobody waits, or it is stopped. Never rejects. */
  async run(sessions: readonly string[]): Promise<void> {
    const { tab } = this.#options
    this.#call()
    this.hear({ type: 'waiting', tab, sessions })
    await this.#stream.run(this.#over.signal)
  }

  /** A tab, this one or another, has told which of its sessions wait. */
  hear({ tab, sessions }: Announcement): void {
    if (this.#over.signal.aborted) return
    const before = new Set(this.#tabs.get(tab)?.sessions)
    const begun = new Set(sessions.filter((session) => !before.has(session)))
    if (sessions.length === 0) this.#tabs.delete(tab)
    else this.#tabs.set(tab, { sessions, announcedAt: this.#now(), calls: 0 })
    this.#arrange(begun)
  }

  stop(): void {
    if (this.#over.signal.aborted) return
    this.#over.abort()
    this.#renewal?.cancel()
    this.#renewal = null
    this.#options.over()
  }

  #now(): number {
    return this.#options.context.runtime.now()
  }

  get #hasFollowers(): boolean {
    return this.#tabs.size > (this.#tabs.has(this.#options.tab) ? 1 : 0)
  }

  #waiting(): ReadonlySet<string> {
    return new Set([...this.#tabs.values()].flatMap(({ sessions }) => sessions))
  }

  /** Those that stay, and of the others as many as a stream takes. */
  #wanted(): ReadonlySet<string> {
    return new Set([...new Set([...this.#carried, ...this.#waiting()])].slice(0, MAX_STREAM_SESSIONS))
  }

  /** @param begun the sessions that have begun to wait, of which the stream must tell anew. */
  #arrange(begun: ReadonlySet<string> = new Set()): void {
    const waiting = this.#waiting()
    this.#carried = new Set([...this.#carried].filter((session) => waiting.has(session) && !begun.has(session)))
    if (waiting.size === 0) this.stop()
    else if (this.#hasGhost || this.#wanted().size > this.#carried.size) this.#renewSoon()
  }

  #renewSoon(): void {
    if (this.#renewal !== null) return
    const now = this.#now()
    const ms = Math.max(GATHER_MS, this.#openedAt + LEAST_LIFE_MS - now)
    const cancel = this.#options.context.runtime.setTimer(() => this.#renew(), ms)
    this.#renewal = { at: now + ms, cancel }
  }

  #renew(): void {
    this.#renewal?.cancel()
    this.#renewal = null
    this.#stream.renew()
  }

  #opening(): ReadonlySet<string> {
    this.#renewal?.cancel()
    this.#renewal = null
    this.#hasGhost = false
    this.#openedAt = this.#now()
    // Who is new on it is told so by its first sign of life.
    this.#pulsedAt = Number.NEGATIVE_INFINITY
    this.#carried = this.#wanted()
    return this.#carried
  }

  #heard(data: string | null): void {
    const { listener, post } = this.#options
    const now = this.#now()
    listener.heard(this.#carried)
    if (data !== null) {
      if (this.#hasFollowers) post({ type: 'event', data })
      listener.told(data)
    }
    // It may have ended the last wait.
    if (this.#over.signal.aborted) return
    if (now - this.#pulsedAt >= PULSE_MS) this.#pulse(now)
    if (this.#renewal !== null && now >= this.#renewal.at) this.#renew()
  }

  /** Says to the others that the stream lives, which is a call as well: they announce themselves anew now and then. */
  #pulse(now: number): void {
    this.#pulsedAt = now
    if (this.#hasFollowers) this.#options.post({ type: 'pulse', sessions: [...this.#carried] })
    this.#countCall(now)
  }

  /** Asks the others who waits. */
  #call(): void {
    this.#options.post({ type: 'call' })
    this.#countCall(this.#now())
  }

  #countCall(now: number): void {
    const gone: Tab[] = []
    for (const [name, tab] of this.#tabs) {
      if (name === this.#options.tab) continue
      tab.calls += 1
      if (tab.calls < GONE.calls || now - tab.announcedAt < GONE.ms) continue
      this.#tabs.delete(name)
      gone.push(tab)
    }
    if (gone.length === 0) return
    this.#hasGhost ||= gone.some(({ sessions }) => sessions.some((session) => this.#carried.has(session)))
    this.#arrange()
  }
}
