import { STREAM_BEAT_MS } from '../../protocol/session.ts'
import type { ServerClock } from '../clock.ts'
import type { Parking } from '../owned/parking.ts'
import { withResolvers } from '../with-resolvers.ts'

/** A stream on which nobody waits carries something at least so often, in ms: proxies cut what is silent, Bun after 10 s. */
const IDLE_BEAT_MS = 8_000

/** Why a stream ends. `gone`: there is nothing left to tell. `disconnected`: its reader has gone, or does not read. */
export type StreamEnd = 'gone' | 'shutdown' | 'disconnected'

/** Takes an event, or `null` for a sign of life. Called for nothing once the stream has ended. */
export type Tell<Event> = (event: Event | null) => void

/** What a stream tells of. */
export interface Subject<Item, News> {
  readonly items: readonly Item[]
  /** Calls `hint` whenever something may have happened to `item`. Returns a function that ends it. */
  follow(item: Item, hint: () => void): () => void
  /** Looks at `item`: what is new since the last look. */
  look(item: Item): Promise<readonly News[]>
  /** Whether there is nothing left to tell. Asked after each look. */
  isOver(): boolean | Promise<boolean>
  /** Whether a reader shall hear something every second. */
  isUrgent(): boolean
}

export interface RoundsContext {
  readonly clock: ServerClock
  readonly parking: Parking
}

/**
 * Tells what is new about a subject, until it is over, the server goes away, or `signal` aborts: looks at an item on each
 * hint, and at all of them every second, since a hint may be lost. Rejects as a look does.
 */
export async function goRounds<Item, News extends object>(
  context: RoundsContext,
  subject: Subject<Item, News>,
  tell: Tell<{ id: string } & News>,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const rounds = new Rounds(context, subject, tell)
  const leave = rounds.enter(signal)
  try {
    return await rounds.run()
  } finally {
    leave()
  }
}

class Rounds<Item, News extends object> {
  readonly #context: RoundsContext
  readonly #subject: Subject<Item, News>
  readonly #tell: Tell<{ id: string } & News>
  /** Of which the store has hinted something since the last look. */
  readonly #hinted = new Set<Item>()
  #end: StreamEnd | null = null
  #wake: () => void = () => undefined
  #lastId = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #beatAt: number

  constructor(context: RoundsContext, subject: Subject<Item, News>, tell: Tell<{ id: string } & News>) {
    this.#context = context
    this.#subject = subject
    this.#tell = tell
    this.#beatAt = context.clock.now()
  }

  /** Begins to listen to the store, the server and the reader. Returns a function that ends it. */
  enter(signal: AbortSignal): () => void {
    const { parking } = this.#context
    const disconnected = () => this.#finish('disconnected')
    signal.addEventListener('abort', disconnected)
    if (signal.aborted) disconnected()
    const { items } = this.#subject
    const leaving = items.map((item) => this.#subject.follow(item, () => this.#hint(item)))
    leaving.push(parking.onClose(() => this.#finish('shutdown')))
    leaving.push(() => signal.removeEventListener('abort', disconnected))
    return () => {
      for (const leave of leaving) leave()
    }
  }

  async run(): Promise<StreamEnd> {
    while (this.#end === null) {
      const isBeat = this.#context.clock.now() >= this.#beatAt
      await this.#lookAt(isBeat ? this.#subject.items : [...this.#hinted])
      if (isBeat) this.#beat()
      if (await this.#subject.isOver()) this.#finish('gone')
      if (this.#end === null && this.#hinted.size === 0) await this.#pause()
    }
    return this.#end
  }

  #finish(end: StreamEnd): void {
    this.#end ??= end
    this.#wake()
  }

  #hint(item: Item): void {
    this.#hinted.add(item)
    this.#wake()
  }

  /** All at once, since a store may gather them. */
  async #lookAt(items: readonly Item[]): Promise<void> {
    for (const item of items) this.#hinted.delete(item)
    const looks = await Promise.all(items.map((item) => this.#subject.look(item)))
    for (const news of looks.flat()) {
      this.#lastId += 1
      this.#say({ id: String(this.#lastId), ...news })
    }
  }

  /** A sign of life, after all have been looked at: it says that they are. */
  #beat(): void {
    const now = this.#context.clock.now()
    this.#beatAt = now + STREAM_BEAT_MS
    if (this.#subject.isUrgent() || now - this.#toldAt > IDLE_BEAT_MS - STREAM_BEAT_MS) this.#say(null)
  }

  #say(event: ({ id: string } & News) | null): void {
    if (this.#end !== null) return
    this.#toldAt = this.#context.clock.now()
    this.#tell(event)
  }

  /** Until the next beat, a hint, or the end. */
  async #pause(): Promise<void> {
    const { clock } = this.#context
    const woken = withResolvers<void>()
    this.#wake = () => woken.resolve()
    const cancelTimer = clock.setTimer(() => woken.resolve(), Math.max(1, Math.ceil(this.#beatAt - clock.now())))
    await woken.promise
    cancelTimer()
  }
}
