import { onAbort } from '../../src/core/async.ts'
import type { Runtime, TabChannel, Tabs } from '../../src/core/ports.ts'
import type { VirtualMachine } from './virtual-time.ts'

interface Turn {
  readonly tab: VirtualTab
  readonly begin: () => void
  readonly takeAway: () => void
}

interface Member {
  readonly tab: VirtualTab
  readonly heard: (message: unknown) => void
}

/** What the tabs of one browser profile share: who may park a request, and a channel. */
export class VirtualBrowser {
  /** All that was posted, and by which tab. */
  readonly posted: { readonly tab: VirtualTab; readonly message: unknown }[] = []
  /** `false`: as in a sandboxed frame, nobody is given a turn. */
  givesTurns = true
  /** `false`: what is posted is lost. */
  carries = true
  #turn: Turn | null = null
  #queue: Turn[] = []
  #members: Member[] = []

  /** Whose turn it is. */
  get leader(): VirtualTab | null {
    return this.#turn?.tab ?? null
  }

  /** How many turns and channels there are that keep a page from being set aside. */
  get open(): { readonly turns: number; readonly channels: number } {
    return { turns: this.#queue.length + (this.#turn === null ? 0 : 1), channels: this.#members.length }
  }

  tab(machine: VirtualMachine): VirtualTab {
    return new VirtualTab(this, machine)
  }

  /** Something else of this origin posts on the channel. */
  shout(message: unknown): void {
    for (const { tab, heard } of this.#members) deliver(tab, heard, message)
  }

  /** Something else of this origin takes away the turn that there is. */
  steal(): void {
    const turn = this.#turn
    if (turn === null) return
    turn.takeAway()
    this.#end(turn)
  }

  /** The turns and channels of a tab that has died. */
  forget(tab: VirtualTab): void {
    this.#queue = this.#queue.filter((turn) => turn.tab !== tab)
    this.#members = this.#members.filter((member) => member.tab !== tab)
    if (this.#turn?.tab === tab) this.#end(this.#turn)
  }

  join(tab: VirtualTab, heard: Member['heard']): TabChannel {
    const member = { tab, heard }
    this.#members.push(member)
    let isClosed = false
    return {
      post: (message) => {
        if (isClosed) throw new Error('The channel is closed.')
        // Nobody hears what a dead tab would say.
        if (!this.carries || !this.#members.includes(member)) return
        this.posted.push({ tab, message })
        for (const other of this.#members) if (other !== member) deliver(other.tab, other.heard, message)
      },
      close: () => {
        isClosed = true
        this.#members = this.#members.filter((other) => other !== member)
      },
    }
  }

  lead(tab: VirtualTab, signal: AbortSignal, lead: () => Promise<void>): Promise<void> {
    if (!this.givesTurns) return Promise.reject(new Error('There are no locks here.'))
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        tab,
        begin: () => {
          stop()
          const settled = () => this.#end(turn)
          tab.machine.run(() => void lead().then(resolve, reject).then(settled))
        },
        takeAway: () => reject(new Error('Somebody has stolen the lock.')),
      }
      const stop = onAbort(signal, () => {
        this.#queue = this.#queue.filter((other) => other !== turn)
        reject(signal.reason)
      })
      if (signal.aborted) return
      this.#queue.push(turn)
      this.#next()
    })
  }

  /** As with a native lock that is asked for with `ifAvailable`: whoever is in the queue comes first. */
  async whileParking<T>(tab: VirtualTab, poll: (mayPark: boolean) => Promise<T>): Promise<T> {
    if (this.#turn !== null || this.#queue.length > 0) return poll(false)
    const turn: Turn = { tab, begin: () => {}, takeAway: () => {} }
    this.#turn = turn
    return poll(true).finally(() => this.#end(turn))
  }

  #end(turn: Turn): void {
    if (this.#turn !== turn) return
    this.#turn = null
    this.#next()
  }

  #next(): void {
    if (this.#turn !== null) return
    this.#turn = this.#queue.shift() ?? null
    const turn = this.#turn
    if (turn !== null) queueMicrotask(turn.begin)
  }
}

/** One tab, on a thread of its own. */
export class VirtualTab implements Tabs {
  readonly machine: VirtualMachine
  /** No timer fires sooner, in ms: 60,000 in a tab that was hidden for long. */
  leastTimerMs = 0
  readonly #browser: VirtualBrowser
  readonly #gone = new AbortController()

  constructor(browser: VirtualBrowser, machine: VirtualMachine) {
    this.#browser = browser
    this.machine = machine
  }

  lead(signal: AbortSignal, lead: () => Promise<void>): Promise<void> {
    return this.#browser.lead(this, signal, lead)
  }

  join(heard: (message: unknown) => void): TabChannel {
    return this.#browser.join(this, heard)
  }

  /** What a client in this tab is given otherwise than in a runtime without tabs. */
  ports({ openStream, setTimer }: Runtime): Pick<Runtime, 'tabs' | 'whileParking' | 'openStream' | 'setTimer'> {
    return {
      tabs: () => this,
      setTimer: (fire, ms) => setTimer(fire, Math.max(ms, this.leastTimerMs)),
      whileParking: (poll) => this.#browser.whileParking(this, poll),
      openStream: (request, options) => {
        const abort = new AbortController()
        onAbort(options.signal, () => abort.abort(options.signal.reason))
        onAbort(this.#gone.signal, () => abort.abort(new Error('The tab has died.')))
        return openStream(request, { ...options, signal: abort.signal })
      },
    }
  }

  /** It dies without a word: nothing runs in it any more, and what it had open is closed. */
  crash(): void {
    this.machine.freeze()
    this.#gone.abort()
    this.#browser.forget(this)
  }
}

function deliver({ machine }: VirtualTab, heard: Member['heard'], message: unknown): void {
  const copy: unknown = structuredClone(message)
  queueMicrotask(() => machine.run(() => heard(copy)))
}
