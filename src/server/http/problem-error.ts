import { type ProblemCode, type ProblemDocument, problemDocument } from '../../protocol/problems.ts'
import type { EndReason } from '../../protocol/wire.ts'

/** What a request is answered with instead of a reply. The detail quotes the offending value and the rule. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly headers: Readonly<Record<string, string>>
  /** With `session-unknown`: why the session is over. */
  readonly reason: EndReason | null

  constructor(
    code: ProblemCode,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    reason: EndReason | null = null,
  ) {
    super(detail)
    this.code = code
    this.headers = headers
    this.reason = reason
  }

  /** The body of the reply. */
  get document(): ProblemDocument {
    const document = problemDocument(this.code, this.message)
    return this.reason === null ? document : { ...document, reason: this.reason }
  }
}

/** `value` as an error text may show it: short, on one line, and as JSON, so that its type can be seen. */
export function quote(value: unknown): string {
  const json = written(value)
  return json.length <= 60 ? json : `${json.slice(0, 60)}…`
}

function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // Nested so deeply that there is no stack left to write it out.
    return `a ${typeof value}`
  }
}
