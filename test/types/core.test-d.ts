import { expectTypeOf, test } from 'vitest'
import {
  type AcquireOptions,
  type CouldNotAcquireLockError,
  isLockableError,
  type Lease,
  Lock,
  Lockable,
  type LockableError,
  type LockableEvent,
  type Loss,
  type LossCause,
  tryAcquire,
  tryHeartbeat,
  tryRelease,
} from '../../src/index.ts'

test('a lease is one grant, and disposable', async () => {
  const lease = await new Lock('a').acquire()
  expectTypeOf(lease).toEqualTypeOf<Lease>()
  expectTypeOf(lease.state).toEqualTypeOf<'held' | 'lost' | 'released'>()
  expectTypeOf(lease.health).toEqualTypeOf<'ok' | 'late' | 'offline'>()
  expectTypeOf(lease.fencingToken).toEqualTypeOf<number | null>()
  expectTypeOf(lease.signal).toEqualTypeOf<AbortSignal>()
  expectTypeOf(lease.remaining()).toEqualTypeOf<number>()
  expectTypeOf(lease.loss).toEqualTypeOf<Loss | null>()
  expectTypeOf(lease.release()).toEqualTypeOf<Promise<boolean>>()
  expectTypeOf(lease).toExtend<AsyncDisposable>()
})

test('a lock runs a function and brings its result', () => {
  const lock = new Lock('a', { onLockLoss: (loss) => expectTypeOf(loss.cause).toEqualTypeOf<LossCause>() })
  expectTypeOf(lock.run(() => 7)).toEqualTypeOf<Promise<number>>()
  expectTypeOf(lock.run(async (lease) => lease.name)).toEqualTypeOf<Promise<string>>()
  expectTypeOf(lock.state).toEqualTypeOf<'idle' | 'waiting' | 'held' | 'lost'>()
  expectTypeOf(lock.lease).toEqualTypeOf<Lease | null>()
  expectTypeOf(lock.acquire).parameter(0).toEqualTypeOf<AcquireOptions | undefined>()
})

test('a client makes locks and is disposable', () => {
  const lockable = new Lockable({ authToken: async () => 'token', worker: 'off' })
  expectTypeOf(lockable.lock('a')).toEqualTypeOf<Lock>()
  expectTypeOf(lockable.request('a', () => 'x')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(lockable.request('a', { mode: 'shared' }, () => 'x')).toEqualTypeOf<Promise<string>>()
  expectTypeOf(lockable).toExtend<AsyncDisposable>()
  // @ts-expect-error: the mode is one of two.
  lockable.lock('a', { mode: 'read' })
  // @ts-expect-error: durations are numbers of ms.
  new Lockable({ leaseDuration: '60s' })
  // @ts-expect-error: leases come from acquire(), not from a constructor.
  ;new (lockable.lock('a').lease as unknown as typeof Lease)()
})

test('the three functions bring the boolean of the server', () => {
  for (const call of [tryAcquire, tryHeartbeat, tryRelease]) {
    expectTypeOf(call('a')).toEqualTypeOf<Promise<boolean>>()
  }
})

test('events narrow by type', () => {
  const event = {} as LockableEvent
  if (event.type === 'granted') expectTypeOf(event.fencingToken).toEqualTypeOf<number | null>()
  if (event.type === 'lost') expectTypeOf(event.loss).toEqualTypeOf<Loss>()
})

test('errors are told apart by code', () => {
  const error: unknown = null
  if (isLockableError(error)) expectTypeOf(error).toEqualTypeOf<LockableError>()
  expectTypeOf<CouldNotAcquireLockError['holders'][number]['mode']>().toEqualTypeOf<'exclusive' | 'shared'>()
})
