import type { Dispatch } from 'react'
import { describe, expectTypeOf, it } from 'vitest'
import type { Health, Json, Lease, Lockable, LockMode, Loss } from '../../src/index.ts'
import {
  type Holder,
  LockProvider,
  type LockProviderProps,
  type LockStatusResult,
  type UseLockOptions,
  type UseLockResult,
  useLeaseCountdown,
  useLock,
  useLockClient,
  useLockStatus,
} from '../../src/react/index.ts'

declare const client: Lockable

describe('useLock', () => {
  it('takes a name or null, and needs no options', () => {
    expectTypeOf(useLock('doc:42')).toEqualTypeOf<UseLockResult>()
    expectTypeOf(useLock(null, {})).toEqualTypeOf<UseLockResult>()
    // @ts-expect-error a name is a string
    useLock(42)
    // @ts-expect-error undefined is a mistake more often than it is meant: null turns the lock off
    useLock(undefined)
  })

  it('returns what select returns', () => {
    expectTypeOf(useLock('doc:42', { select: ({ isHeld }) => isHeld })).toEqualTypeOf<boolean>()
    expectTypeOf(useLock('doc:42', { client, select: ({ holder }) => holder?.info })).toEqualTypeOf<Json | undefined>()
    expectTypeOf(useLock('doc:42', { select: undefined })).toEqualTypeOf<UseLockResult>()
  })

  it('takes undefined for every option, so that options can be passed through', () => {
    const options: Required<{ [Option in keyof UseLockOptions]: undefined }> = {
      enabled: undefined,
      blocking: undefined,
      info: undefined,
      mode: undefined,
      leaseDuration: undefined,
      maxHold: undefined,
      stallTimeout: undefined,
      autoReacquire: undefined,
      throwOnError: undefined,
      client: undefined,
      onAcquired: undefined,
      onLockLoss: undefined,
      onHeartbeatException: undefined,
      onError: undefined,
    }
    expectTypeOf(useLock('doc:42', options)).toEqualTypeOf<UseLockResult>()
  })

  it('calls back with what happened', () => {
    useLock('doc:42', {
      onAcquired: (lease) => expectTypeOf(lease).toEqualTypeOf<Lease>(),
      onLockLoss: (loss) => expectTypeOf(loss).toEqualTypeOf<Loss>(),
      onHeartbeatException: (error) => expectTypeOf(error.code).toBeString(),
      onError: (error) => expectTypeOf(error).toEqualTypeOf<Error>(),
      throwOnError: (error) => error.message === '',
    })
  })

  it('takes no option that it does not know', () => {
    // @ts-expect-error Web Locks' name for blocking: false
    useLock('doc:42', { ifAvailable: true })
    // @ts-expect-error a callback gets a loss
    useLock('doc:42', { onLockLoss: (loss: string) => loss })
  })
})

describe('the result of useLock', () => {
  const lock = useLock('doc:42')

  it('lists every member in every arm, so that it can be taken apart before it is narrowed', () => {
    const { status, isHeld, health, lease, holder, position, queued, ending, loss, error } = lock
    expectTypeOf(status).toEqualTypeOf<'idle' | 'acquiring' | 'blocked' | 'held' | 'lost' | 'failed'>()
    expectTypeOf(isHeld).toEqualTypeOf<boolean>()
    expectTypeOf(health).toEqualTypeOf<Health | null>()
    expectTypeOf(lease).toEqualTypeOf<Lease | null>()
    expectTypeOf(holder).toEqualTypeOf<Holder | null>()
    expectTypeOf(position).toEqualTypeOf<number | null>()
    expectTypeOf(queued).toEqualTypeOf<boolean>()
    expectTypeOf(ending?.endsAt).toEqualTypeOf<number | undefined>()
    expectTypeOf(ending?.reason).toEqualTypeOf<'stolen' | 'revoked' | undefined>()
    expectTypeOf(loss).toEqualTypeOf<Loss | null>()
    expectTypeOf(error).toEqualTypeOf<Error | null>()
  })

  it('is narrowed by its status', () => {
    switch (lock.status) {
      case 'idle':
      case 'acquiring':
        expectTypeOf(lock.lease).toBeNull()
        expectTypeOf(lock.holder).toBeNull()
        expectTypeOf(lock.isHeld).toEqualTypeOf<false>()
        break
      case 'blocked':
        expectTypeOf(lock.queued).toEqualTypeOf<boolean>()
        expectTypeOf(lock.holder).toEqualTypeOf<Holder | null>()
        expectTypeOf(lock.lease).toBeNull()
        break
      case 'held':
        expectTypeOf(lock.lease).toEqualTypeOf<Lease>()
        expectTypeOf(lock.health).toEqualTypeOf<Health>()
        expectTypeOf(lock.isHeld).toEqualTypeOf<true>()
        break
      case 'lost':
        expectTypeOf(lock.loss).toEqualTypeOf<Loss>()
        expectTypeOf(lock.lease).toBeNull()
        break
      case 'failed':
        expectTypeOf(lock.error).toEqualTypeOf<Error>()
        break
      default:
        expectTypeOf(lock).toBeNever()
    }
  })

  it('is narrowed by isHeld', () => {
    if (lock.isHeld) expectTypeOf(lock.lease.fencingToken).toEqualTypeOf<number | null>()
    else expectTypeOf(lock.lease).toBeNull()
  })

  it('can be acted on whatever its status', () => {
    expectTypeOf(lock.acquire).toEqualTypeOf<() => Promise<Lease>>()
    expectTypeOf(lock.takeOver).toEqualTypeOf<() => Promise<Lease>>()
    expectTypeOf(lock.release).toEqualTypeOf<() => Promise<boolean>>()
    expectTypeOf(lock.acquire).toExtend<Dispatch<unknown>>()
  })

  it('cannot be changed', () => {
    // @ts-expect-error read-only
    lock.status = 'idle'
    // @ts-expect-error read-only
    lock.acquire = async () => lock.acquire()
  })
})

describe('the other hooks', () => {
  it('useLockStatus returns who holds, or what select returns', () => {
    expectTypeOf(useLockStatus('doc:42')).toEqualTypeOf<LockStatusResult>()
    expectTypeOf(useLockStatus(null, { client }).status).toEqualTypeOf<'free' | 'held' | 'unknown'>()
    expectTypeOf(useLockStatus('doc:42', { select: ({ isMine }) => isMine })).toEqualTypeOf<boolean>()
    expectTypeOf<Holder>().toEqualTypeOf<{ readonly info: Json; readonly mode: LockMode; readonly since: number }>()
  })

  it('useLeaseCountdown returns ms, or null', () => {
    expectTypeOf(useLeaseCountdown('doc:42')).toEqualTypeOf<number | null>()
    expectTypeOf(useLeaseCountdown(null, { every: 250, client })).toEqualTypeOf<number | null>()
  })

  it('useLockClient returns a client', () => {
    expectTypeOf(useLockClient()).toEqualTypeOf<Lockable>()
    expectTypeOf(useLockClient(undefined)).toEqualTypeOf<Lockable>()
  })

  it('LockProvider needs a client', () => {
    expectTypeOf(LockProvider).parameter(0).toEqualTypeOf<LockProviderProps>()
    expectTypeOf<LockProviderProps['client']>().toEqualTypeOf<Lockable>()
  })
})
