import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHandler, type Mark, type MarkState } from '../../src/server/index.ts'
import { openMark } from '../../src/server/node.ts'
import { type AcquireOutcome, StoreUnavailableError } from '../../src/server/store.ts'
import type { MemoryStore, MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import { ANYBODY, StoreBench } from './store-bench.ts'

const NEW_YEAR = Date.UTC(2026, 0, 1)
const MINUTE = 60_000

/** What a disk would keep, over crashes of the stores that write there. */
class Disk implements Mark {
  readonly written: MarkState[] = []
  isFull = false
  isClosed = false

  read(): MarkState | null {
    return this.written.at(-1) ?? null
  }

  write(state: MarkState): void {
    if (this.isFull) throw new Error('no space left on device')
    this.written.push(state)
  }

  close(): void {
    this.isClosed = true
  }
}

/** A store that starts on what the disk says. A store that is no longer used has crashed. */
function boot(disk: Mark, options: Omit<MemoryStoreOptions, 'clock' | 'mark'> = {}, wall = NEW_YEAR): StoreBench {
  return new StoreBench({ ...options, mark: disk }, wall)
}

function tokenOf(outcome: AcquireOutcome): number {
  if (outcome.kind !== 'granted') throw new Error(`not granted: ${outcome.kind}`)
  return outcome.fencingToken
}

describe('the grace period', () => {
  test('there is none on a first start, though GET /v1 says what a restart would do', async () => {
    const bench = boot(new Disk())
    expect(bench.store.traits.restart).toBe('grace')
    expect((await bench.acquire('a')).kind).toBe('granted')
  })

  test('a store that is only started and looked at leaves no mark', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.inspect()
    await bench.release('a')
    await bench.renew('a', 5_000)
    expect(disk.written).toEqual([])
  })

  test('after a crash nothing is granted for the longest lease that was given', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'long', leaseMs: 90_000 })
    await bench.acquire('b', { name: 'short', leaseMs: 10_000 })
    const next = boot(disk)
    expect(await next.acquire('c')).toEqual({ kind: 'refused', holders: [], graceMs: 2 * MINUTE })
    await next.queue('d')
    next.clock.advance(2 * MINUTE - 1)
    expect((await next.acquire('e', { name: 'other', steal: 'now' })).kind).toBe('refused')
    next.clock.advance(1)
    expect((await next.acquire('e', { name: 'other' })).kind).toBe('granted')
  })

  test.each([
    ['granted', (bench: StoreBench, leaseMs: number) => bench.acquire('b', { name: 'other', leaseMs })],
    [
      'granted in the classic dialect',
      (bench: StoreBench, leaseMs: number) => bench.acquire(null, { name: `c${leaseMs}`, leaseMs }),
    ],
    ['renewed', (bench: StoreBench, leaseMs: number) => bench.renew('a', leaseMs)],
    ['asked for again', (bench: StoreBench, leaseMs: number) => bench.acquire('a', { leaseMs })],
    ['taken', (bench: StoreBench, leaseMs: number) => bench.acquire('b', { steal: 'now', leaseMs })],
  ])('a longer lease is written down before it is %s', async (_how, promise) => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { leaseMs: 10_000 })
    await promise(bench, 30_000)
    expect(disk.read()?.longestLeaseMs).toBe(30_000)
    disk.isFull = true
    const before = await bench.inspect()
    await expect(promise(bench, 40_000)).rejects.toThrow(StoreUnavailableError)
    expect(await bench.inspect()).toEqual(before)
  })

  test('a longer lease that somebody waits for is written down when its turn comes', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { leaseMs: 10_000 })
    await bench.queue('b', { leaseMs: 10_000 })
    await bench.queue('b', { leaseMs: 50_000 })
    expect(disk.read()?.longestLeaseMs).toBe(10_000)
    await bench.release('a')
    expect(await bench.attend('b')).toMatchObject({ kind: 'granted', leaseMs: 50_000 })
    expect(disk.read()?.longestLeaseMs).toBe(50_000)
  })

  test('what is only refused is no promise', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { leaseMs: 10_000 })
    await bench.acquire('b', { leaseMs: 3_600_000 })
    await bench.acquire(null, { leaseMs: 3_600_000 })
    expect(disk.read()?.longestLeaseMs).toBe(10_000)
  })

  test('a crash within the grace period makes the next one no shorter', async () => {
    const disk = new Disk()
    await boot(disk).acquire('a', { leaseMs: MINUTE })
    const second = boot(disk)
    second.clock.advance(10_000)
    await second.queue('b', { leaseMs: 1_000, waitMs: MINUTE })
    await second.acquire(null, { name: 'other', leaseMs: 1_000 })
    expect(boot(disk).store.graceMs).toBe(MINUTE)
    second.clock.advance(50_000)
    expect(await second.attend('b')).toMatchObject({ kind: 'granted' })
    expect(boot(disk).store.graceMs).toBe(1_000)
  })

  test('one very long lease does not lengthen the wait for good', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'day', leaseMs: 86_400_000 })
    const grant = async (owner: string) => {
      bench.clock.advance(2 * MINUTE)
      await bench.acquire(owner, { leaseMs: MINUTE })
      return disk.read()?.longestLeaseMs
    }
    expect(await grant('b')).toBe(86_400_000)
    await bench.store.release({ namespace: '', name: 'day', owner: 'a' })
    expect(await grant('c')).toBe(MINUTE)
  })

  test('a lease that was cut short by a renewal still counts in full', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'long', leaseMs: 30 * MINUTE })
    await bench.store.renew([{ namespace: '', name: 'long', owner: 'a', leaseMs: 1_000 }])
    for (let round = 0; round < 3; round += 1) {
      bench.clock.advance(2 * MINUTE)
      await bench.acquire(String(round), { leaseMs: 1_000 })
    }
    expect(disk.read()?.longestLeaseMs).toBe(24 * MINUTE)
  })

  test('what is renewed as it was granted is covered as long as it lives, with no need of the disk', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'held', leaseMs: 10 * MINUTE })
    bench.clock.advance(9 * MINUTE)
    await bench.acquire('b', { leaseMs: 1_000 })
    expect(disk.read()?.longestLeaseMs).toBe(10 * MINUTE)
    disk.isFull = true
    const [renewed] = await bench.store.renew([{ namespace: '', name: 'held', owner: 'a', leaseMs: null }])
    expect(renewed).toMatchObject({ kind: 'renewed', expiresInMs: 10 * MINUTE })
  })

  test('what a session holds is covered by the lease of the session', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    const execute = (seq: number, ...names: string[]) =>
      bench.store.execute({
        namespace: '',
        session: 's',
        principal: ANYBODY,
        open: { leaseMs: 10 * MINUTE, info: null },
        seq,
        confirm: [],
        commands: names.map((name) => {
          const rest = { mode: 'exclusive', ifAvailable: true, steal: null, info: null } as const
          return { op: 'acquire', name, owner: name, ...rest }
        }),
      })
    await execute(1)
    expect(disk.written).toEqual([])
    await execute(2, 'held')
    expect(disk.read()?.longestLeaseMs).toBe(10 * MINUTE)
    bench.clock.advance(9 * MINUTE)
    await bench.acquire('b', { leaseMs: 1_000 })
    await bench.store.renewSession({ session: 's', confirm: [] })
    expect(disk.read()?.longestLeaseMs).toBe(10 * MINUTE)
    bench.clock.advance(MINUTE)
    await bench.store.close()
    expect(disk.read()?.longestLeaseMs).toBe(9 * MINUTE)
  })

  test('a longer grace that was asked for is kept', async () => {
    const disk = new Disk()
    await boot(disk).acquire('a')
    expect(boot(disk, { grace: 5 * MINUTE }).store.graceMs).toBe(5 * MINUTE)
    expect(boot(disk, { grace: 1 }).store.graceMs).toBe(MINUTE)
  })

  test('the HTTP side says so', async () => {
    const disk = new Disk()
    await boot(disk).acquire('a', { leaseMs: 10_000 })
    const next = boot(disk)
    const handler = createHandler({ store: next.store, clock: next.clock })
    const ask = async (path: string, init?: RequestInit) => {
      const response = await handler.fetch(new Request(`http://localhost${path}`, init))
      return { status: response.status, ...((await response.json()) as object) }
    }
    const body = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"owner": "b"}' }
    expect(await ask('/v1')).toMatchObject({ restart: 'grace' })
    expect(await ask('/v1/acquire/k', body)).toMatchObject({ reason: 'grace', retry_after_ms: 10_000 })
    expect(await ask('/v1/acquire/k')).toEqual({ status: 200, response: false })
    disk.isFull = true
    next.clock.advance(10_000)
    expect(await ask('/v1/acquire/k', body)).toMatchObject({ status: 503, type: 'urn:lockable:problem:unavailable' })
    expect(await ask('/v1/acquire/k')).toMatchObject({ status: 503 })
    await handler.close()
  })
})

describe('a store that is closed in good order', () => {
  test('needs no wait after it if nothing is held', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    const token = tokenOf(await bench.acquire('a'))
    await bench.acquire('b', { name: 'expires', leaseMs: 1_000 })
    await bench.release('a')
    bench.clock.advance(1_000)
    await bench.store.close()
    expect(disk.isClosed).toBe(true)
    const next = boot(disk, {}, 0)
    expect(next.store.graceMs).toBe(0)
    expect(tokenOf(await next.acquire('c'))).toBeGreaterThan(token)
  })

  test('is waited for as long as what is held may run, and no longer', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { leaseMs: MINUTE })
    bench.clock.advance(20_000.5)
    await bench.queue('waits', { leaseMs: 80_000 })
    await bench.store.close()
    expect(disk.read()?.longestLeaseMs).toBe(40_000)
    await expect(bench.renew('a')).rejects.toThrow(StoreUnavailableError)
  })

  test('leaves what is left of its own grace period', async () => {
    const disk = new Disk()
    await boot(disk).acquire('a', { leaseMs: MINUTE })
    const second = boot(disk)
    second.clock.advance(15_000)
    await second.store.close()
    expect(boot(disk).store.graceMs).toBe(45_000)
  })

  test('leaves the longer wait if it cannot write', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a')
    await bench.release('a')
    disk.isFull = true
    await bench.store.close()
    expect(disk.isClosed).toBe(true)
    expect(boot(disk).store.graceMs).toBe(MINUTE)
  })
})

describe('fencing tokens', () => {
  test('grow over a crash though the wall clock is set back', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'first' })
    bench.clock.advance(59_000)
    const last = tokenOf(await bench.acquire('b'))
    for (const wall of [0, NEW_YEAR - 86_400_000, NEW_YEAR]) {
      const next = boot(disk, {}, wall)
      next.clock.advance(MINUTE)
      expect(tokenOf(await next.acquire('c'))).toBeGreaterThan(last)
    }
  })

  test('grow over many crashes, and do not run away from the wall clock', async () => {
    const disk = new Disk()
    const tokens: number[] = []
    for (let crash = 0; crash < 50; crash += 1) {
      const bench = boot(disk, {}, 0)
      bench.clock.advance(MINUTE)
      tokens.push(tokenOf(await bench.acquire('a')), tokenOf(await bench.acquire('b', { name: 'other' })))
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
    expect(tokens.at(-1)).toBeLessThan(4 * MINUTE * 1_024)
  })

  test('are set aside before they are given: a crash between the two costs numbers, and no more', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    const written = disk.written
    const seen: boolean[] = []
    for (let grant = 0; grant < 300; grant += 1) {
      const token = tokenOf(await bench.acquire('a', { name: String(grant), leaseMs: MINUTE }))
      seen.push(token <= (written.at(-1)?.tokensUpTo ?? 0))
      bench.clock.advance(1_000)
    }
    expect(seen).not.toContain(false)
    expect(written.length).toBeLessThanOrEqual(6)
  })

  test('are never given beyond what is set aside, wherever the wall clock is set', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    const tokens: number[] = []
    for (const wall of [0, NEW_YEAR, NEW_YEAR + 61_000, 0, 1, NEW_YEAR + 3_600_000, NEW_YEAR + 3_599_999, NEW_YEAR]) {
      bench.clock.setWall(wall)
      const token = tokenOf(await bench.acquire(String(tokens.length), { name: String(tokens.length) }))
      expect(token).toBeLessThanOrEqual(disk.read()?.tokensUpTo ?? 0)
      tokens.push(token)
      const next = boot(disk, {}, wall)
      next.clock.advance(MINUTE)
      expect(next.store.lastToken).toBeGreaterThanOrEqual(token)
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  })

  test('begin above the floor that is given, mark or not', async () => {
    const tokenFloor = NEW_YEAR * 2_048
    for (const bench of [new StoreBench({ tokenFloor }), boot(new Disk(), { tokenFloor })]) {
      expect(bench.store.lastToken).toBe(tokenFloor)
      expect(tokenOf(await bench.acquire('a'))).toBe(tokenFloor + 1)
      expect(bench.store.lastToken).toBe(tokenFloor + 1)
    }
    const disk = new Disk()
    const bench = boot(disk, { tokenFloor })
    await bench.acquire('a')
    expect(boot(disk).store.lastToken).toBeGreaterThan(tokenFloor)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 52 + 1])('a floor of %d is refused', (tokenFloor) => {
    expect(() => new StoreBench({ tokenFloor })).toThrow(`tokenFloor must be a whole number from 0 to 4503599627370496`)
  })
})

describe('while the mark cannot be written', () => {
  /** A lock that is held, a lock with a waiter, and a token block that is used up. */
  async function onFullDisk(): Promise<{ bench: StoreBench; disk: Disk; errors: unknown[] }> {
    const [disk, errors] = [new Disk(), [] as unknown[]]
    const bench = boot(disk, { onError: (error) => errors.push(error) })
    await bench.acquire('a', { leaseMs: 10 * MINUTE })
    await bench.queue('b', { leaseMs: 10 * MINUTE })
    await bench.queue('c', { leaseMs: 10 * MINUTE })
    await bench.acquire('d', { name: 'free', leaseMs: 10 * MINUTE })
    await bench.store.release({ namespace: '', name: 'free', owner: 'd' })
    disk.isFull = true
    bench.clock.advance(2 * MINUTE)
    await bench.queue('b', { leaseMs: 10 * MINUTE })
    await bench.queue('c', { leaseMs: 10 * MINUTE })
    bench.changed.length = 0
    return { bench, disk, errors }
  }

  test('nothing is granted, not even by stealing, and nobody loses anything by it', async () => {
    const { bench, errors } = await onFullDisk()
    const before = await bench.inspect()
    for (const [owner, asked] of [
      ['x', { name: 'free' }],
      [null, { name: 'free' }],
      ['y', { steal: 'now' }],
      ['b', { steal: 'now' }],
    ] as const) {
      await expect(bench.acquire(owner, asked)).rejects.toThrow(StoreUnavailableError)
    }
    expect(await bench.inspect()).toEqual(before)
    expect((await bench.inspect('free')).mode).toBe(null)
    expect(errors.map(String)).toEqual(['Error: no space left on device'])
  })

  test('heartbeats and releases are served', async () => {
    const { bench } = await onFullDisk()
    expect(await bench.renew('a')).toMatchObject({ kind: 'renewed', expiresInMs: 10 * MINUTE })
    expect(await bench.release('a')).toEqual({ kind: 'released' })
  })

  test('those who wait go on waiting, and are granted when it can be written again', async () => {
    const { bench, disk } = await onFullDisk()
    await bench.release('a')
    expect(await bench.attend('b', 30_000)).toMatchObject({ kind: 'queued', position: 1 })
    expect(await bench.attend('c', 30_000)).toMatchObject({ kind: 'queued', position: 2 })
    bench.clock.advance(10_000)
    expect(bench.changed).toEqual([])
    disk.isFull = false
    bench.clock.advance(1_000)
    expect(bench.changed).toEqual(['b'])
    expect(await bench.attend('b')).toMatchObject({ kind: 'granted', claim: true })
  })

  test('a disk that is full for long is tried once a second for those who wait', async () => {
    const { bench, disk } = await onFullDisk()
    let tries = 0
    disk.write = () => {
      tries += 1
      throw new Error('no space left on device')
    }
    await bench.release('a')
    for (const owner of ['p', 'q', 'r']) await bench.queue(owner, { leaseMs: 1_000 })
    expect(tries).toBe(1)
    bench.clock.advance(3_000)
    expect(tries).toBe(4)
  })

  test('a write that failed may have been carried out: nothing is taken for covered that either would not cover', async () => {
    const disk = new Disk()
    const bench = boot(disk)
    await bench.acquire('a', { name: 'day', leaseMs: 86_400_000 })
    await bench.store.release({ namespace: '', name: 'day', owner: 'a' })
    bench.clock.advance(2 * MINUTE)
    const write = disk.write.bind(disk)
    disk.write = (state) => {
      write(state)
      throw new Error('the folder could not be synchronised')
    }
    await expect(bench.acquire('b', { leaseMs: 1_000 })).rejects.toThrow(StoreUnavailableError)
    expect(disk.read()?.longestLeaseMs).toBe(1_000)
    disk.write = write
    bench.clock.setWall(0)
    await bench.acquire('c', { leaseMs: 3_600_000 })
    expect(disk.read()?.longestLeaseMs).toBe(3_600_000)
    expect(disk.read()?.tokensUpTo).toBeGreaterThanOrEqual(bench.store.lastToken)
  })

  test('each outage is told once', async () => {
    const { bench, disk, errors } = await onFullDisk()
    const fail = () => expect(bench.acquire('x', { name: 'free' })).rejects.toThrow()
    await fail()
    await fail()
    expect(errors).toHaveLength(1)
    disk.isFull = false
    await bench.acquire('x', { name: 'free' })
    disk.isFull = true
    bench.clock.advance(2 * MINUTE)
    await expect(bench.acquire('y', { name: 'more' })).rejects.toThrow()
    expect(errors).toHaveLength(2)
  })
})

describe('a mark in a file', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockable-mark-'))
    path = join(folder, 'mark.json')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function reopened(): MarkState | null {
    const mark = openMark(path)
    mark.close()
    return mark.read()
  }

  test('is none at first, and afterwards what was written last', () => {
    const mark = openMark(path)
    expect(mark.read()).toBe(null)
    mark.write({ longestLeaseMs: 1_000, tokensUpTo: 1 })
    mark.write({ longestLeaseMs: 60_000, tokensUpTo: NEW_YEAR * 1_024 })
    mark.close()
    expect(reopened()).toEqual({ longestLeaseMs: 60_000, tokensUpTo: NEW_YEAR * 1_024 })
    expect(readdirSync(folder)).toEqual(['mark.json'])
  })

  test('carries a store over a restart', async () => {
    const bench = boot(openMark(path))
    const token = tokenOf(await bench.acquire('a', { leaseMs: 10_000 }))
    await bench.store.close()
    const next = boot(openMark(path), {}, 0)
    expect(next.store.graceMs).toBe(10_000)
    next.clock.advance(10_000)
    expect(tokenOf(await next.acquire('b'))).toBeGreaterThan(token)
    await next.store.close()
  })

  test.each([
    ['', 'JSON'],
    ['{"v": 1, "server": "x", "longest_lea', 'JSON'],
    ['null', 'its version is undefined'],
    ['{"v": 2}', 'its version is 2, and this program knows 1'],
    ['{"v": 1, "server": "x", "longest_lease_ms": -1, "tokens_up_to": 5}', 'its members are not what they must be'],
    ['{"v": 1, "server": "x", "longest_lease_ms": 1, "tokens_up_to": 1e300}', 'its members are not what they must be'],
    ['{"v": 1, "server": "x", "longest_lease_ms": 60000}', 'its members are not what they must be'],
  ])('that holds %j is an error that says what to do, and no first start', (text, why) => {
    writeFileSync(path, text)
    expect(() => openMark(path)).toThrow(why)
    expect(() => openMark(path)).toThrow(`The mark ${path} cannot be read`)
    expect(() => openMark(path)).toThrow('start once with --grace')
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test('must be a file, or nothing yet, in a folder that exists', () => {
    mkdirSync(join(folder, 'folder'))
    symlinkSync(path, join(folder, 'link'))
    expect(() => openMark(join(folder, 'folder'))).toThrow('is a folder')
    expect(() => openMark(join(folder, 'link'))).toThrow('is a symbolic link')
    expect(() => openMark(join(folder, 'none', 'mark.json'))).toThrow('It needs a folder that exists')
    expect(readdirSync(folder).sort()).toEqual(['folder', 'link'])
  })

  test('that cannot be written makes the store refuse, and is written when it can be again', async () => {
    const bench = boot(openMark(path))
    // A folder in the way of the temporary file: root may write where it must not.
    mkdirSync(`${path}.new`)
    await expect(bench.acquire('a')).rejects.toThrow(StoreUnavailableError)
    rmSync(`${path}.new`, { recursive: true })
    expect((await bench.acquire('a')).kind).toBe('granted')
    await bench.store.close()
  })

  test('is for one server at a time', () => {
    const mark = openMark(path)
    expect(() => openMark(path)).toThrow(`is used by the process ${process.pid}: each server needs one of its own`)
    mark.close()
    openMark(path).close()
  })

  test('is for one server of a process at a time also where the system does not tell processes apart', () => {
    const mark = openMark(path)
    const nameless = JSON.stringify({ pid: process.pid, started: null })
    writeFileSync(`${path}.lock`, nameless)
    expect(() => openMark(path)).toThrow('is used by the process')
    mark.close()
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(nameless)
    openMark(path).close()
  })

  test.each([
    ['a process that is gone', { pid: 2 ** 22 + 1, started: null }],
    ['an earlier process with the same id', { pid: process.pid, started: 'an earlier boot 1' }],
    ['an earlier process with the id of this one', { pid: process.pid, started: null }],
    ['a crash of the machine', 'half writ'],
  ])('is not kept from its next server by what is left of %s', (_what, owner) => {
    writeFileSync(`${path}.lock`, JSON.stringify(owner).slice(0, -1) + (typeof owner === 'string' ? '' : '}'))
    openMark(path).close()
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test('that another server has opened, past the guard, is no longer written by the first', async () => {
    const first = boot(openMark(path))
    // As a server in another container may, where the process ids of this one mean nothing.
    const byOther = JSON.stringify({ v: 1, server: 'other', longest_lease_ms: 7_000, tokens_up_to: 7 })
    writeFileSync(path, byOther)
    const refusal = expect(first.acquire('a')).rejects
    await refusal.toThrow(StoreUnavailableError)
    await refusal.toMatchObject({ cause: { message: expect.stringContaining('is used by another server') } })
    await first.store.close()
    expect(readFileSync(path, 'utf8')).toBe(byOther)
  })

  test('that somebody has removed is written again', async () => {
    const bench = boot(openMark(path))
    await bench.acquire('a')
    unlinkSync(path)
    await bench.acquire('b', { name: 'other', leaseMs: 2 * MINUTE })
    await bench.store.close()
    expect(reopened()).toMatchObject({ longestLeaseMs: 2 * MINUTE })
  })
})

test('the store tells its last token and its grace', async () => {
  const bench = new StoreBench({ grace: 5_000 })
  const store: MemoryStore = bench.store
  expect(store.traits.restart).toBe('grace')
  expect(new StoreBench().store.traits.restart).toBe('forgets')
  expect([store.lastToken, store.graceMs]).toEqual([0, 5_000])
  bench.clock.advance(6_000)
  expect(store.graceMs).toBe(0)
  expect(tokenOf(await bench.acquire('a'))).toBe(store.lastToken)
})
