/** A request as it came over a connection. */
export interface WholeRequest {
  readonly method: string
  readonly path: string
  /** The JSON of the body; `null` if there is none. */
  readonly body: unknown
  /** All of it, as it goes to the server. */
  readonly bytes: Buffer
}

const HEAD_END = '\r\n\r\n'

/** Cuts the bytes that a client sends over one connection into requests of HTTP/1.1. */
export class RequestFramer {
  #rest: Buffer = Buffer.alloc(0)

  /** The requests that are whole with these bytes. */
  push(bytes: Buffer): WholeRequest[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const whole: WholeRequest[] = []
    for (let request = this.#cut(); request !== null; request = this.#cut()) whole.push(request)
    return whole
  }

  #cut(): WholeRequest | null {
    const headEnd = this.#rest.indexOf(HEAD_END)
    if (headEnd === -1) return null
    const head = this.#rest.toString('latin1', 0, headEnd)
    const bodyStart = headEnd + HEAD_END.length
    const end = bodyStart + bodyLength(head)
    if (this.#rest.length < end) return null
    const bytes = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(end)
    const [method = '', path = ''] = head.split(' ', 2)
    return { method, path, body: readJson(bytes.toString('utf8', bodyStart)), bytes }
  }
}

function bodyLength(head: string): number {
  if (/^transfer-encoding:/im.test(head)) throw new Error(`This proxy cannot read a body in chunks:\n${head}`)
  return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
