import { expect, test } from 'vitest'
import { Lockable } from '../../src/index.ts'
import { createCapabilityKey, mintCapability } from '../../src/server/auth/capability.ts'
import { serve } from '../../src/server/node.ts'
import { systemClock } from '../../src/server/system-clock.ts'

test('a client whose capability ran out gives back what it holds, and asks for more with a fresh one', async () => {
  const key = createCapabilityKey()
  let aheadMs = 0
  let isBackendAway = false
  const clock = {
    now: () => systemClock.now(),
    wall: () => systemClock.wall() + aheadMs,
    setTimer: (callback: () => void, ms: number) => systemClock.setTimer(callback, ms),
  }
  await using server = await serve({ port: 0, clock, capabilityKeys: [key] })
  const authToken = async () => {
    if (isBackendAway) throw new Error('The backend is away.')
    return mintCapability({ key, subject: 'alice', prefixes: [''], now: clock.wall() })
  }
  await using lockable = new Lockable({ url: server.url, authToken })
  const [first, second] = [await lockable.acquire('first'), await lockable.acquire('second')]
  aheadMs = 3_600_000
  isBackendAway = true
  await first.release()
  await expect(lockable.acquire('first', { blocking: false })).rejects.toMatchObject({ code: 'authentication' })
  expect(second.state).toBe('held')
  isBackendAway = false
  const [again] = await Promise.all([lockable.acquire('first', { blocking: false }), second.release()])
  expect(again.state).toBe('held')
  expect((await lockable.status('second')).state).toBe('free')
})
