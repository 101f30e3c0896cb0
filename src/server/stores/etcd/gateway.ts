import { fromBase64, toBase64 } from './base64.ts'

/** How long a request may take, in ms. */
const TIMEOUT_MS = 2_000

/** As of every runtime. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface GatewayOptions {
  /** As `http://127.0.0.1:2379`: any members of one cluster. */
  readonly endpoints: readonly string[]
  /** `null`: the cluster asks for none. */
  readonly credentials: { readonly name: string; readonly password: string } | null
  readonly fetch: Fetch
}

/** A key and its value. */
export interface KeyValue {
  readonly key: string
  readonly value: string
  /** The revision of the cluster at which it was put. */
  readonly revision: number
}

export type Compare =
  | { readonly key: string; readonly value: string }
  /** 0: there is no such key. */
  | { readonly key: string; readonly revision: number }

/** Keys from `key` up to `end`, without that; without `end` that one key. */
export interface KeyRange {
  readonly key: string
  readonly end?: string
}

export type Operation =
  | ({
      readonly op: 'get'
      /** Only what was put later. */
      readonly after?: number
      /** The most that are found, the first ones. Default: all. */
      readonly limit?: number
    } & KeyRange)
  | { readonly op: 'put'; readonly key: string; readonly value: string }
  | ({ readonly op: 'delete' } & KeyRange)

export interface TransactionResult {
  readonly succeeded: boolean
  /** What each operation of the branch that was taken found, by revision; nothing for those that are no `get`. */
  readonly found: readonly (readonly KeyValue[])[]
}

/**
 * The JSON gateway of an etcd cluster (`/v3/…`, etcd 3.4 and later). Requests go to one member until it fails, then to
 * the next. A rejection leaves it open whether what was asked for was done.
 */
export class Gateway {
  readonly #options: GatewayOptions
  #member = 0
  #token: Promise<string> | null = null

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  /** Linearizable, as all of etcd's transactions that are not asked to be less. */
  async transact(
    compare: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
    timeoutMs: number = TIMEOUT_MS,
  ): Promise<TransactionResult> {
    const request = {
      compare: compare.map(asCompare),
      success: success.map(asOperation),
      failure: failure.map(asOperation),
    }
    const reply = await this.#ask('/v3/kv/txn', request, timeoutMs)
    const { succeeded = false, responses = [] } = reply as TransactionReply
    return { succeeded, found: responses.map(({ response_range: range }) => (range?.kvs ?? []).map(asKeyValue)) }
  }

  /**
   * Calls `changed` with the value whenever `key` is put, and once when the watch stands, since something may have been
   * missed before. Rejects when it breaks off; resolves once `signal` aborts.
   */
  async watch(key: string, changed: (value: string | null) => void, signal: AbortSignal): Promise<void> {
    const body = { create_request: { key: toBase64(key), filters: ['NODELETE'] } }
    const response = await this.#send('/v3/watch', body, signal)
    const reader = response.body?.getReader()
    if (reader === undefined) throw new Error('etcd answered a watch with nothing')
    const decoder = new TextDecoder()
    let line = ''
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      line += decoder.decode(read.value, { stream: true })
      const lines = line.split('\n')
      line = lines.pop() ?? ''
      for (const each of lines) tellOf(each, changed)
    }
    if (!signal.aborted) throw new Error('a watch of etcd has ended')
  }

  async #ask(path: string, body: object, timeoutMs: number): Promise<unknown> {
    const response = await this.#send(path, body, AbortSignal.timeout(timeoutMs))
    return response.json()
  }

  async #send(path: string, body: object, signal: AbortSignal): Promise<Response> {
    const { endpoints } = this.#options
    const member = this.#member
    try {
      const headers = { 'content-type': 'application/json', ...(await this.#authorization()) }
      const endpoint = endpoints[member % endpoints.length]
      const response = await this.#post(`${endpoint}${path}`, headers, body, signal)
      if (response.ok) return response
      throw new Error(`etcd answered ${response.status}: ${describe(await response.text())}`)
    } catch (error) {
      // Tokens run out, and members of a cluster fail.
      this.#token = null
      this.#member = Math.max(this.#member, member + 1)
      throw error
    }
  }

  async #post(url: string, headers: Record<string, string>, body: object, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#options.fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
    } catch (cause) {
      throw new Error(`${new URL(url).origin} did not answer: ${reasonOf(cause)}`, { cause })
    }
  }

  async #authorization(): Promise<Record<string, string>> {
    const { credentials } = this.#options
    if (credentials === null) return {}
    this.#token ??= this.#authenticate(credentials)
    return { Authorization: await this.#token }
  }

  async #authenticate(credentials: object): Promise<string> {
    const { endpoints } = this.#options
    const url = `${endpoints[this.#member % endpoints.length]}/v3/auth/authenticate`
    const headers = { 'content-type': 'application/json' }
    const response = await this.#post(url, headers, credentials, AbortSignal.timeout(TIMEOUT_MS))
    const reply = await response.text()
    if (!response.ok) throw new Error(`etcd refused the user: ${describe(reply)}`)
    return String(JSON.parse(reply).token)
  }
}

/** What the gateway answers; it leaves out what is 0, false or empty. */
interface TransactionReply {
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly response_range?: { readonly kvs?: readonly RawKeyValue[] } }[]
}

interface RawKeyValue {
  readonly key: string
  readonly value?: string
  readonly mod_revision: string
}

function asKeyValue({ key, value = '', mod_revision }: RawKeyValue): KeyValue {
  return { key: fromBase64(key), value: fromBase64(value), revision: Number(mod_revision) }
}

function asCompare(compare: Compare): object {
  const key = toBase64(compare.key)
  if ('value' in compare) return { key, target: 'VALUE', result: 'EQUAL', value: toBase64(compare.value) }
  return { key, target: 'MOD', result: 'EQUAL', mod_revision: String(compare.revision) }
}

function asOperation(operation: Operation): object {
  switch (operation.op) {
    case 'get': {
      const { after = 0, limit = 0 } = operation
      const order = {
        sort_order: 'ASCEND',
        sort_target: 'MOD',
        min_mod_revision: String(after + 1),
        limit: String(limit),
      }
      return { request_range: { ...asRange(operation), ...order } }
    }
    case 'put':
      return { request_put: { key: toBase64(operation.key), value: toBase64(operation.value) } }
    case 'delete':
      return { request_delete_range: asRange(operation) }
  }
}

function asRange({ key, end }: KeyRange): object {
  return { key: toBase64(key), ...(end !== undefined && { range_end: toBase64(end) }) }
}

function tellOf(line: string, changed: (value: string | null) => void): void {
  if (line.trim() === '') return
  const { result, error } = JSON.parse(line) as WatchReply
  if (result === undefined || result.canceled === true) {
    throw new Error(`etcd ended a watch: ${result?.cancel_reason ?? JSON.stringify(error)}`)
  }
  if (result.created === true) changed(null)
  for (const { kv } of result.events ?? []) changed(fromBase64(kv?.value ?? ''))
}

interface WatchReply {
  readonly result?: {
    readonly created?: boolean
    readonly canceled?: boolean
    readonly cancel_reason?: string
    readonly events?: readonly { readonly kv?: { readonly value?: string } }[]
  }
  readonly error?: unknown
}

/** Runtimes hide why a request failed behind "fetch failed". */
function reasonOf(error: unknown): string {
  const { message = String(error), cause } = error as { message?: string; cause?: unknown }
  return cause instanceof Error ? cause.message : message
}

function describe(text: string): string {
  try {
    const { message, error } = JSON.parse(text) as { message?: string; error?: string }
    return message ?? error ?? text
  } catch {
    return text.slice(0, 200)
  }
}
