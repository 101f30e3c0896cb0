import type { ProblemCode } from '../../protocol/problems.ts'

/** What a request is answered with instead of a reply. The detail quotes the offending value and the rule. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.code = code
    this.headers = headers
  }
}

/** `value` as an error text may show it: short, on one line, and as JSON, so that its type can be seen. */
export function quote(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value)
  return json.length <= 60 ? json : `${json.slice(0, 60)}…`
}
