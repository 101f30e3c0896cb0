import type { Readable, Writable } from 'node:stream'

/** The members of a message of the Chrome DevTools Protocol. */
export type Params = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Params
  readonly result?: Params
  readonly error?: { readonly message: string }
  readonly sessionId?: string
}

interface Pending {
  readonly resolve: (result: Params) => void
  readonly reject: (error: Error) => void
  readonly sessionId: string | undefined
}

/** An event of the browser, or of the target that `sessionId` is attached to. */
export interface CdpEvent {
  readonly method: string
  readonly params: Params
  readonly sessionId: string | undefined
}

/**
 * The Chrome DevTools Protocol over the pipe of `--remote-debugging-pipe`: JSON, each ended by NUL.
 *
 * By hand, since drivers such as Playwright have every page believe that it has the focus, and so is visible.
 */
export class Cdp {
  readonly #out: Writable
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Set<(event: CdpEvent) => void>()
  #rest = ''
  #id = 0

  constructor(out: Writable, incoming: Readable) {
    this.#out = out
    out.on('error', () => {})
    incoming.setEncoding('utf8')
    incoming.on('data', (chunk: string) => this.#read(chunk))
    incoming.on('close', () => this.#failAll(() => true, 'The browser has gone.'))
  }

  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    this.#id += 1
    const id = this.#id
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, sessionId })
      this.#out.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`)
    })
  }

  /** Calls `listener` with every event; returns the way to stop. */
  listen(listener: (event: CdpEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The next event `method` of that session. */
  next(method: string, sessionId: string | undefined): Promise<Params> {
    return new Promise((resolve) => {
      const stop = this.listen((event) => {
        if (event.method !== method || event.sessionId !== sessionId) return
        stop()
        resolve(event.params)
      })
    })
  }

  #read(chunk: string): void {
    const parts = (this.#rest + chunk).split('\0')
    this.#rest = parts.pop() ?? ''
    for (const part of parts) this.#hear(JSON.parse(part) as Message)
  }

  #hear({ id, method, params = {}, result = {}, error, sessionId }: Message): void {
    if (method !== undefined) {
      for (const listener of [...this.#listeners]) listener({ method, params, sessionId })
      // A target that has gone answers nothing any more.
      if (method === 'Target.detachedFromTarget') {
        this.#failAll((each) => each.sessionId === params.sessionId, 'The target has gone.')
      }
      return
    }
    const pending = this.#pending.get(id ?? 0)
    this.#pending.delete(id ?? 0)
    if (error) pending?.reject(new Error(error.message))
    else pending?.resolve(result)
  }

  #failAll(which: (pending: Pending) => boolean, message: string): void {
    for (const [id, pending] of this.#pending) {
      if (!which(pending)) continue
      this.#pending.delete(id)
      pending.reject(new Error(message))
    }
  }
}
