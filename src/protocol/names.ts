/** The longest lock name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255

const CONTROL_CHARACTER = /\p{Cc}/u
const LONE_SURROGATE = /\p{Cs}/u

/**
 * Why `name` cannot be the name of a lock, as a sentence that says how to mend it, or `null` if it can.
 *
 * A name is 1 to 255 bytes of UTF-8 without control characters. It may contain slashes, but no `.` or `..` between
 * them: every URL parser folds those segments away, and the request would lock another name.
 */
export function nameProblem(name: unknown): string | null {
  if (typeof name !== 'string') return `A lock name must be a string; got ${typeof name}.`
  if (name === '') return 'A lock name must not be empty: give it 1 to 255 bytes of UTF-8.'
  if (CONTROL_CHARACTER.test(name)) {
    return `The lock name ${JSON.stringify(name)} contains a control character: remove or encode it.`
  }
  if (LONE_SURROGATE.test(name)) {
    return `The lock name ${JSON.stringify(name)} contains half of a surrogate pair, which UTF-8 cannot carry: encode it.`
  }
  const bytes = new TextEncoder().encode(name).length
  if (bytes > MAX_NAME_BYTES) {
    return `The lock name ${JSON.stringify(`${name.slice(0, 40)}…`)} has ${bytes} bytes of UTF-8, the most is ${MAX_NAME_BYTES}: shorten or hash it.`
  }
  if (name.split('/').some((segment) => segment === '.' || segment === '..')) {
    return `The lock name ${JSON.stringify(name)} has a "." or ".." path segment, which URLs fold away: name it differently.`
  }
  return null
}

/** `name` as one path segment. The name must have passed {@link nameProblem}. */
export function encodeName(name: string): string {
  return encodeURIComponent(name)
}

/**
 * The name in the rest of a raw (not yet decoded) path, percent-decoded once; slashes belong to it, since the Python
 * client does not encode them. `null` if an escape is malformed.
 */
export function decodeName(rawRest: string): string | null {
  try {
    return decodeURIComponent(rawRest)
  } catch {
    return null
  }
}
