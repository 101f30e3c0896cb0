/** A stream as a client reads it. */
export interface OpenStream {
  /** The next thing that it carries: an event, `beat` or `bye`, or `null` at its end. Rejects if it breaks off. */
  next(): Promise<Carried | null>
  /** The next that is no sign of life. */
  event(): Promise<Carried | null>
  /** Leaves, without a word. */
  leave(): void
}

/** What a stream carries. */
export type Carried = 'beat' | 'bye' | Record<string, unknown>

/** The stream whose bytes are `chunks`. */
export function carried(chunks: AsyncIterable<Uint8Array>, leave: () => void): OpenStream {
  const frames = framesOf(chunks)
  const next = async () => (await frames.next()).value ?? null
  const event = async () => {
    for (let each = await next(); ; each = await next()) if (each !== 'beat') return each
  }
  return { next, event, leave }
}

async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Carried, undefined> {
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
  const [, data] = /\ndata: (.*)$/.exec(frame) ?? []
  if (data === undefined) throw new Error(`This is no event: ${frame}`)
  return JSON.parse(data)
}
