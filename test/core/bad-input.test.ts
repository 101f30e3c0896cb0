import { describe, expect, it } from 'vitest'
import { InvalidArgumentError, isLockableError, Lock, Lockable, tryAcquire } from '../../src/index.ts'

const URL_OF_NOBODY = 'http://127.0.0.1:9'

function refusal(task: () => unknown): Error {
  try {
    task()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It was not refused.')
}

describe('a name', () => {
  it.each([
    ['', /must not be empty/],
    ['a\u0000b', /"a\\u0000b" contains a control character/],
    ['line\nbreak', /control character/],
    ['\u007f', /control character/],
    ['.', /"\." has a "\." or "\.\." path segment/],
    ['..', /path segment/],
    ['a/../b', /"a\/\.\.\/b" has/],
    ['a/.', /path segment/],
    ['ü'.repeat(128), /256 bytes of UTF-8, the most is 255/],
    ['\ud800', /surrogate/],
    [undefined as unknown as string, /must be a string; got undefined/],
    [7 as unknown as string, /must be a string; got number/],
  ])('like %j is refused with the value and the fix', async (name, message) => {
    const client = new Lockable({ url: URL_OF_NOBODY })
    expect(refusal(() => client.lock(name))).toBeInstanceOf(InvalidArgumentError)
    expect(refusal(() => client.lock(name)).message).toMatch(message)
    await expect(client.acquire(name)).rejects.toThrow(message)
    await expect(client.status(name)).rejects.toThrow(message)
    await expect(tryAcquire(name, { url: URL_OF_NOBODY })).rejects.toThrow(message)
    expect(refusal(() => client.watch([name], () => {})).message).toMatch(message)
  })

  it.each(['a', 'a/b', 'a b', '100%', '?#&', 'ü'.repeat(127), '…', '..a', 'a..', '%2e%2e'])(
    'like %j is fine',
    (name) => {
      expect(new Lockable({ url: URL_OF_NOBODY }).lock(name).name).toBe(name)
    },
  )
})

describe('a duration', () => {
  const durations = [-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '60' as unknown as number]

  it.each(durations)('of a client like %s is refused with the value and the fix', (value) => {
    for (const option of ['leaseDuration', 'heartbeatInterval', 'retryInterval']) {
      const { message } = refusal(() => new Lockable({ url: URL_OF_NOBODY, [option]: value }))
      expect(message).toContain(`${option} must be a number of ms from`)
      expect(message).toContain(`got ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`)
    }
  })

  it.each(durations)('of a lock like %s is refused with the value and the fix', (value) => {
    const client = new Lockable({ url: URL_OF_NOBODY })
    for (const option of ['leaseDuration', 'maxHold', 'stallTimeout']) {
      expect(refusal(() => client.lock('a', { [option]: value })).message).toContain(`${option} must be`)
    }
  })

  it('timeout may be Infinity but not zero', async () => {
    const client = new Lockable({ url: URL_OF_NOBODY })
    await expect(client.acquire('a', { timeout: 0 })).rejects.toThrow(/use blocking: false to try once/)
    expect(client.lock('a', { timeout: Number.POSITIVE_INFINITY }).name).toBe('a')
  })

  it('between heartbeats that cannot keep the lease is refused', () => {
    const options = { url: URL_OF_NOBODY, heartbeatInterval: 6_000 }
    expect(refusal(() => new Lockable({ ...options, leaseDuration: 10_000 })).message).toMatch(
      /heartbeatInterval 6000 ms cannot keep a lease of 10000 ms/,
    )
    expect(refusal(() => new Lockable(options).lock('a', { leaseDuration: 10_000 })).message).toMatch(/cannot keep/)
  })
})

describe('a url', () => {
  it.each([
    ['nonsense', /url "nonsense" is not a URL/],
    ['', /url "" is not a URL/],
    ['/relative', /is not a URL/],
    ['ftp://example.org', /begins with "ftp:"/],
    ['http://user:secret@example.org', /contains a user name or password/],
    ['http://example.org/?a=1', /has a query/],
  ])('like %j is refused', async (url, message) => {
    expect(refusal(() => new Lockable({ url })).message).toMatch(message)
    expect(refusal(() => new Lockable({ url })).message).not.toContain('secret')
    await expect(tryAcquire('a', { url })).rejects.toThrow(message)
  })

  it('may have a path, and a slash at its end', () => {
    expect(() => new Lockable({ url: 'http://example.org/locks/' })).not.toThrow()
  })
})

describe('another option', () => {
  it.each([
    [{ dialect: 'modern' }, /dialect must be one of "auto", "owned", "classic"; got "modern"/],
    [{ fetch: 'fetch' }, /fetch must be a function/],
    [{ authToken: '' }, /authToken is an empty string/],
    [{ authToken: 'two words' }, /authToken contains white space/],
    [{ authToken: 'a:b' }, /a colon/],
    [{ URL: 'http://127.0.0.1:9' }, /There is no option "URL" here; there are url, authToken/],
    [{ worker: 'auo' }, /worker must be "auto", "off".*got "auo"/],
  ])('of a client like %j is refused', (options, message) => {
    expect(refusal(() => new Lockable({ url: URL_OF_NOBODY, ...(options as object) })).message).toMatch(message)
  })

  it.each([
    [{ mode: 'read' }, /mode must be one of "exclusive", "shared"; got "read"/],
    [{ steal: true }, /steal must be one of/],
    [{ info: 'x'.repeat(1025) }, /info has 1027 bytes of JSON, the most is 1024/],
    [{ info: 1n }, /info must be a value that JSON can carry/],
    [{ signal: {} }, /signal must be an AbortSignal/],
    [{ blockng: false }, /There is no option "blockng" here/],
    [{ blocking: 'false' }, /blocking must be true or false; got "false"/],
    [{ onLockLoss: 5 }, /onLockLoss must be a function; got 5/],
  ])('of a lock like %o is refused', (options, message) => {
    const client = new Lockable({ url: URL_OF_NOBODY })
    expect(refusal(() => client.lock('a', options as object)).message).toMatch(message)
  })

  it('is told apart by code also without the class', () => {
    const copy = Object.assign(new Error('crossed from a worker'), { code: 'lost' })
    expect(isLockableError(copy)).toBe(true)
    expect(isLockableError(Object.assign(new Error('other'), { code: 'ENOENT' }))).toBe(false)
    expect(isLockableError('lost')).toBe(false)
  })

  it('of one acquire() is checked as well', async () => {
    const lock = new Lockable({ url: URL_OF_NOBODY }).lock('a')
    await expect(lock.acquire({ blockng: false } as object)).rejects.toThrow(/There is no option "blockng"/)
    await expect(lock.acquire(5 as unknown as object)).rejects.toThrow(/The options must be an object; got 5/)
    await expect(lock.run(undefined as unknown as () => void)).rejects.toThrow(/run\(fn\) needs a function/)
  })

  it('is checked by the Lock of the default client as well', () => {
    expect(refusal(() => new Lock('')).message).toMatch(/must not be empty/)
  })
})
