import { expect, test } from 'vitest'
import { SharedBench } from './shared-bench.ts'

const LEASE = 60_000

test('a server that is asked all the time moves the time on too, when the one that did is gone', async () => {
  const bench = new SharedBench()
  const [one, other] = [await bench.start(), await bench.start()]
  await one.acquire('a')
  await other.queue('b', { waitMs: 2 * LEASE })
  await bench.pass(1_000)
  for (let passed = 0; passed < LEASE + 5_000; passed += 200) {
    await bench.pass(200, [one])
    await other.waiters()
  }
  expect(await other.attend('b')).toMatchObject({ kind: 'granted' })
})
