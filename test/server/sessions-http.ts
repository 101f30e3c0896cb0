import { request } from 'node:http'
import type { SessionEvent } from '../../src/protocol/session.ts'
import type { LockServer } from '../../src/server/node.ts'
import { type Reply, type Sent, send } from './http-bench.ts'

export type SessionOperation = 'commands' | 'heartbeat' | 'stream' | 'release'

/** A request about a session over HTTP. */
export function ask(server: LockServer, operation: SessionOperation, body: unknown, sent: Sent = {}): Promise<Reply> {
  return send(server, `/v1/session/${operation}`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...sent,
    headers: { 'Content-Type': 'application/json', ...sent.headers },
  })
}

/** What a stream carries: an event, a sign of life, or a farewell. */
export type Carried = SessionEvent | 'beat' | 'bye'

/** A stream as a client reads it. */
export interface OpenStream {
  readonly headers: Record<string, unknown>
  /** The next thing that it carries, or `null` at its end. */
  next(): Promise<Carried | null>
  /** The next that is no sign of life. */
  event(): Promise<Carried | null>
  /** Leaves, without a word. */
  leave(): void
}

/** Opens a stream on a connection of its own. Resolves with the headers. */
export function openStream(server: LockServer, sessions: readonly string[]): Promise<OpenStream> {
  const { host, port } = server
  const headers = { 'Content-Type': 'application/json' }
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path: '/v1/session/stream', method: 'POST', headers, agent: false })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      incoming.on('error', () => undefined)
      const frames = carried(incoming)
      const next = async () => (await frames.next()).value ?? null
      const event = async () => {
        for (let each = await next(); ; each = await next()) if (each !== 'beat') return each
      }
      resolve({ headers: incoming.headers, next, event, leave: () => outgoing.destroy() })
    })
    outgoing.end(JSON.stringify({ sessions: sessions.map((session) => ({ session })) }))
  })
}

/** The parts of an event stream. */
export async function* carried(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Carried, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      yield parse(text.slice(0, end))
      text = text.slice(end + 2)
    }
  }
}

function parse(frame: string): Carried {
  if (frame === ':') return 'beat'
  if (frame === 'event: bye\ndata: {}') return 'bye'
  const [, id, data = ''] = /^id: (\S+)\ndata: (.*)$/.exec(frame) ?? []
  const event = JSON.parse(data) as SessionEvent
  if (event.id !== id) throw new Error(`The id ${id} is not that of ${data}.`)
  return event
}
