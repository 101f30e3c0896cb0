import { MAX_BODY_BYTES } from '../../protocol/wire.ts'
import { ProblemError, quote } from './problem-error.ts'

export interface BodyOptions {
  /** The most bytes that it may have. Default 16 KiB. */
  readonly limit?: number
  /** Also takes `text/plain`, which a beacon of a closing page can send without being asked for leave. Default `false`. */
  readonly plain?: boolean
}

/**
 * The JSON body of a request. Throws the problems `unsupported-media-type`, which keeps out the forms and beacons that a
 * foreign page may send without being asked, `body-too-large` and `bad-request`.
 */
export async function readJson(request: Request, options: BodyOptions = {}): Promise<unknown> {
  const { limit = MAX_BODY_BYTES, plain = false } = options
  const type = request.headers.get('Content-Type')
  const essence = type?.split(';', 1)[0]?.trim().toLowerCase()
  if (essence !== 'application/json' && !(plain && essence === 'text/plain')) {
    throw new ProblemError(
      'unsupported-media-type',
      `The Content-Type is ${quote(type)}: send the body as application/json.`,
    )
  }
  const text = await readText(request, limit)
  try {
    return JSON.parse(text)
  } catch {
    throw new ProblemError('bad-request', `The body is not JSON (${text.length} characters): send one JSON object.`)
  }
}

async function readText(request: Request, limit: number): Promise<string> {
  const length = request.headers.get('Content-Length')
  const isTold = length !== null && /^\d+$/.test(length) && !request.headers.has('Transfer-Encoding')
  if (isTold && Number(length) > limit) throw tooLarge(`${length} bytes`, limit)
  try {
    return isTold ? await request.text() : await readLimited(request.body, limit)
  } catch (error) {
    if (error instanceof ProblemError) throw error
    // The client has gone; nobody will read this, and it is no error of the server.
    throw new ProblemError('bad-request', 'The body broke off.')
  }
}

async function readLimited(body: Request['body'], limit: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (const reader = body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > limit) {
      await reader.cancel()
      throw tooLarge(`more than ${limit} bytes`, limit)
    }
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

function tooLarge(size: string, limit: number): ProblemError {
  return new ProblemError('body-too-large', `The body has ${size}, the most is ${limit}.`)
}
