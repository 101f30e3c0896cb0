import { decodeName, nameProblem } from '../../protocol/names.ts'
import { ProblemError, quote } from './problem-error.ts'

/** What follows the host in a URL, as it was sent: path and query. */
export function targetOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  return start === -1 ? '/' : url.slice(start)
}

/** The path of a URL as it was sent, not decoded. */
export function rawPath(url: string): string {
  const target = targetOf(url)
  const end = target.search(/[?#]/)
  return end === -1 ? target : target.slice(0, end)
}

/** The lock name that follows `prefix` in a raw path. Throws the problem `bad-name`. */
export function nameInPath(path: string, prefix: string): string {
  const rest = path.slice(prefix.length)
  const name = decodeName(rest)
  if (name === null) {
    throw new ProblemError(
      'bad-name',
      `The lock name ${quote(rest)} has a malformed percent-escape: encode it once, as encodeURIComponent does.`,
    )
  }
  const problem = nameProblem(name)
  if (problem !== null) throw new ProblemError('bad-name', problem)
  return name
}

/** Whether the path of a raw request target has a `.` or `..` segment, encoded or not, which URL parsers fold away. */
export function hasDotSegment(target: string): boolean {
  return /^[^?#]*\/(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(target)
}
