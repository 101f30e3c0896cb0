import { type AcquireOptions, type Lease, Lockable, type LockOptions } from '../../../src/index.ts'
import { createLockStore } from '../../../src/store/index.ts'
import type { Death } from './deaths.ts'
import { type Entry, Log } from './log.ts'

/** The client of a page. */
export interface BenchOptions {
  readonly url: string
  readonly authToken: string
  readonly leaseDuration?: number
  readonly heartbeatInterval?: number
  readonly dialect?: 'auto' | 'owned' | 'classic'
  /** `mortal`: one that this page can end, see {@link Bench.killWorker}. Another word: as the option of a client. */
  readonly worker?: 'mortal' | string
  readonly preventFreezing?: boolean
  /** Look at all locks whenever something of the page's own runs, so before the library may have noticed anything. */
  readonly looks?: boolean
}

/** Options of a lock as far as they can be told to a page from outside. */
export type HoldOptions = Pick<LockOptions, 'leaseDuration' | 'stallTimeout' | 'mode'> &
  Pick<AcquireOptions, 'blocking' | 'timeout'>

/** What a lease says when it is asked. */
export interface Look {
  readonly state: string
  readonly health: string
  readonly remaining: number
  /** Of the signal that was taken when the lock was acquired. */
  readonly aborted: boolean
  readonly assertHeld: 'returned' | 'threw'
  readonly cause: string | null
}

interface Held {
  readonly lease: Lease
  readonly signal: AbortSignal
}

/** ms between ticks of the page's own timer. */
const TICK_MS = 100

/** A page with one client, as the drivers of all browsers command it. All that it is given and tells is JSON. */
export class Bench {
  readonly #log = new Log()
  readonly #held = new Map<string, Held>()
  #client: Lockable | null = null
  #looks = false
  #worker: { readonly worker: Worker; readonly name: string } | null = null

  constructor() {
    this.#logFetches()
    this.#listenToPage()
  }

  /** Makes the client. */
  start({ worker, looks = false, ...options }: BenchOptions): void {
    this.#looks = looks
    const client = new Lockable({
      ...options,
      ...(worker === undefined ? {} : { worker: worker === 'mortal' ? () => this.#mortalWorker() : worker }),
    })
    this.#client = client
    client.subscribe((event) => this.#log.add(`event:${event.type}`, 'name' in event ? event.name : null, event))
    createLockStore(client).subscribe(() => this.#log.add('store'))
  }

  /** Acquires the lock; resolves to its fencing token. */
  async hold(name: string, { blocking, timeout, ...options }: HoldOptions = {}): Promise<number | null> {
    const lock = this.#started.lock(name, {
      ...options,
      onLockLoss: ({ cause }) => this.#log.add('loss', name, cause),
      onHeartbeatException: () => this.#log.add('heartbeat exception', name),
    })
    const lease = await lock.acquire({
      ...(blocking === undefined ? {} : { blocking }),
      ...(timeout === undefined ? {} : { timeout }),
    })
    const { signal } = lease
    signal.addEventListener('abort', () => this.#log.add('abort', name))
    this.#held.set(name, { lease, signal })
    return lease.fencingToken
  }

  /** As {@link hold}, without waiting for it. */
  queue(name: string, options?: HoldOptions): void {
    this.hold(name, options).catch((error: unknown) => this.#log.add('rejected', name, String(error)))
  }

  release(name: string): Promise<boolean> {
    return this.#lease(name).lease.release()
  }

  look(name: string): Look {
    const { lease, signal } = this.#lease(name)
    // The order matters: the signal is not to learn from the other reads.
    const { aborted } = signal
    return {
      aborted,
      state: lease.state,
      health: lease.health,
      remaining: lease.remaining(),
      assertHeld: asserts(lease),
      cause: lease.loss?.cause ?? null,
    }
  }

  /** Occupies the main thread for `ms`, from another task on. */
  block(ms: number): void {
    setTimeout(() => {
      this.#log.add('block begins')
      const end = performance.now() + ms
      while (performance.now() < end);
      this.#log.add('block ends')
    })
  }

  /** Ends the worker that was made last. */
  killWorker(how: Death | 'is terminated'): void {
    if (this.#worker === null) throw new Error('There is no mortal worker.')
    const { worker, name } = this.#worker
    if (how === 'is terminated') worker.terminate()
    else new BroadcastChannel(name).postMessage(how)
  }

  entries(what?: string): readonly Entry[] {
    return this.#log.entries.filter((entry) => what === undefined || entry.what === what)
  }

  /** The first entry `what` from the entry numbered `from` on, as soon as there is one. */
  until(what: string, name: string | null = null, from = 0): Promise<Entry> {
    return this.#log.until((entry) => entry.what === what && (name === null || entry.name === name), from)
  }

  /** Starts a timer of the page's own, each tick of which is told to the server at `url`. */
  tick(url: string, ms: number): void {
    setInterval(() => void fetch(`${url}/tick`, { mode: 'no-cors' }).catch(() => {}), ms)
  }

  /** What an ordinary request of the page takes, in ms. Rejects if it fails. */
  async request(url: string, authToken: string): Promise<number> {
    const begun = performance.now()
    const response = await fetch(url, { headers: { authorization: `Basic ${btoa(`${authToken}:`)}` } })
    await response.text()
    return performance.now() - begun
  }

  get #started(): Lockable {
    if (this.#client === null) throw new Error('Call start() first.')
    return this.#client
  }

  #lease(name: string): Held {
    const held = this.#held.get(name)
    if (!held) throw new Error(`${name} was not acquired here.`)
    return held
  }

  #mortalWorker(): Worker {
    const name = crypto.randomUUID()
    const worker = new Worker(new URL('./mortal-worker.ts', import.meta.url), { type: 'module', name })
    this.#worker = { worker, name }
    return worker
  }

  /** Replaces the global function, as an application that measures its requests does. */
  #logFetches(): void {
    const { fetch: original } = globalThis
    globalThis.fetch = (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input, location.href)
      this.#log.add(`fetch:${url.pathname}`)
      return original(input, init)
    }
  }

  /** Listens before the library does, so that its listeners run first. */
  #listenToPage(): void {
    const wakeUp = new MessageChannel()
    wakeUp.port1.onmessage = () => this.#lookAtAll('message')
    for (const type of ['freeze', 'resume', 'visibilitychange']) {
      document.addEventListener(type, () => this.#lookAtAll(type), { capture: true })
    }
    for (const type of ['pagehide', 'pageshow', 'online', 'offline']) {
      window.addEventListener(type, (event) => {
        this.#lookAtAll(type, event instanceof PageTransitionEvent ? { persisted: event.persisted } : null)
      })
    }
    // It waits in the queue while the page is frozen, and is among the first that runs then.
    document.addEventListener('freeze', () => wakeUp.port2.postMessage(null), { capture: true })
    setInterval(() => this.#lookAtAll('timer'), TICK_MS)
  }

  #lookAtAll(occasion: string, detail: unknown = null): void {
    if (occasion !== 'timer') this.#log.add(`page:${occasion}`, null, detail)
    if (!this.#looks) return
    for (const name of this.#held.keys()) {
      const look = this.look(name)
      this.#log.add('look', name, { occasion, ...look })
    }
  }
}

function asserts(lease: Lease): Look['assertHeld'] {
  try {
    lease.assertHeld()
    return 'returned'
  } catch {
    return 'threw'
  }
}
