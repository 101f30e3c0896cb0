import type { LockHandler } from '../../src/server/handler.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects in it
  readonly json: any
}

export interface Question {
  readonly token?: string
  /** Left out: `GET`. */
  readonly body?: object
  readonly headers?: Record<string, string>
  readonly from?: string
}

/** Asks a handler as a client at an address would. */
export function asking(handler: LockHandler): (path: string, question?: Question) => Promise<Answer> {
  return async (path, { token, body, headers = {}, from } = {}) => {
    const request = new Request(`http://localhost${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const response = await handler.fetch(request, from === undefined ? {} : { remoteAddress: from })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text.startsWith('{') ? JSON.parse(text) : null,
    }
  }
}

/** The type of a problem, without what all have in common, and the status of what is none. */
export function kindOf({ status, json }: Pick<Answer, 'status' | 'json'>): string | number {
  return typeof json?.type === 'string' ? json.type.replace('urn:lockable:problem:', '') : status
}

let made = 0

/** An owner or a session that was not there before. */
export function fresh(): string {
  made += 1
  return `fresh-${made}-${'x'.repeat(20)}`
}
