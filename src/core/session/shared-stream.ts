import { onAbort } from '../async.ts'
import type { ClientContext } from '../context.ts'
import type { TabChannel, Tabs } from '../ports.ts'
import { Leading } from './leading.ts'
import type { NewsListener, NewsSource } from './news.ts'
import { markedMessage, readTabMessage, type TabMessage } from './tab-messages.ts'

/** Who waits says so again after so many ms, when it hears of the stream or misses it. */
const REPEAT_MS = 3_000

/**
 * One stream for all tabs of a browser that wait at the same server: one of them leads, that is, it opens the stream and
 * passes on what that tells, and the others follow. Each waits for its turn to lead, so that there is another one as soon
 * as the one before lets go or dies. Who leads goes on as long as anybody waits, in whichever tab.
 *
 * What another tab passes on is a reason to ask, and nothing more: nobody believes that it holds because of it.
 *
 * The secrets of sessions cross the channel between the tabs, which is open to scripts of the same origin (and of the
 * same partition) only: to those that can read the memory of the page as well.
 */
export class SharedStream implements NewsSource {
  readonly #context: ClientContext
  readonly #listener: NewsListener
  readonly #tab: string
  readonly #channel: TabChannel
  readonly #closing = new AbortController()
  #sessions: readonly string[] = []
  #announcedAt = Number.NEGATIVE_INFINITY
  #leading: Leading | null = null
  #stopWatchingClosing = () => {}

  constructor(context: ClientContext, tabs: Tabs, listener: NewsListener) {
    this.#context = context
    this.#listener = listener
    this.#tab = context.runtime.newSecret()
    this.#channel = tabs.join((message) => this.#hear(message))
    void this.#queue(tabs)
    // Closing a client may take a while, in which it would lead nobody.
    this.#stopWatchingClosing = onAbort(context.closing, () => this.close())
  }

  get isOver(): boolean {
    return this.#closing.signal.aborted
  }

  wait(sessions: ReadonlySet<string>): void {
    this.#sessions = [...sessions]
    if (this.#leading !== null) this.#leading.hear(this.#announcement())
    else if (sessions.size === 0) this.close()
    else this.#announce()
  }

  remind(): void {
    if (this.#leading !== null) return
    if (this.#context.runtime.now() - this.#announcedAt >= REPEAT_MS) this.#announce()
  }

  close(): void {
    if (this.isOver) return
    this.#stopWatchingClosing()
    this.#sessions = []
    if (this.#leading === null) this.#announce()
    this.#closing.abort()
    this.#leading?.stop()
    this.#channel.close()
  }

  async #queue(tabs: Tabs): Promise<void> {
    try {
      await tabs.lead(this.#closing.signal, () => this.#lead())
    } catch {
      // No turns are given here: what another tab tells is heard all the same. If ours was taken away, this is over, and
      // who waits makes another one.
      this.#leading?.stop()
    }
  }

  async #lead(): Promise<void> {
    if (this.isOver) return
    this.#leading = new Leading({
      context: this.#context,
      tab: this.#tab,
      listener: this.#listener,
      post: (message) => this.#post(message),
      over: () => this.close(),
    })
    await this.#leading.run(this.#sessions)
  }

  #hear(raw: unknown): void {
    const message = readTabMessage(raw)
    if (message === null || this.isOver) return
    // Nobody else has drawn our name.
    if (message.type === 'waiting' && message.tab === this.#tab) return
    if (this.#leading !== null) {
      if (message.type === 'waiting') this.#leading.hear(message)
    } else if (message.type === 'call') {
      this.#announce()
    } else if (message.type === 'pulse') {
      this.#listener.heard(new Set(message.sessions))
      this.remind()
    } else if (message.type === 'event') {
      this.#listener.hinted(message.data)
    }
  }

  #announcement() {
    return { type: 'waiting', tab: this.#tab, sessions: this.#sessions } as const
  }

  #announce(): void {
    this.#announcedAt = this.#context.runtime.now()
    this.#post(this.#announcement())
  }

  #post(message: TabMessage): void {
    if (!this.isOver) this.#channel.post(markedMessage(message))
  }
}
