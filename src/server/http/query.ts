import { targetOf } from './path.ts'
import { ProblemError, quote } from './problem-error.ts'

/** The parameters of a URL. Those that nobody asks for are ignored. */
export interface Query {
  /** All values of a parameter, in order. */
  all(name: string): readonly string[]
  /** The value of a parameter; `undefined` if there is none. Throws the problem `bad-request` if there are several. */
  one(name: string): string | undefined
}

/** Throws the problem `bad-request` for a malformed escape: what it stood for would be something else. */
export function queryOf(url: string): Query {
  const [, text = ''] = /\?([^#]*)/.exec(targetOf(url)) ?? []
  const values = new Map<string, string[]>()
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return {
    all: (name) => values.get(name) ?? [],
    one(name) {
      const [value, ...more] = values.get(name) ?? []
      if (more.length === 0) return value
      throw new ProblemError('bad-request', `${name} is there ${more.length + 1} times: give it once.`)
    },
  }
}

/** As forms encode it: a space may be a plus. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new ProblemError(
      'bad-request',
      `The parameter ${quote(text)} has a malformed percent-escape: encode it once, as encodeURIComponent does.`,
    )
  }
}
