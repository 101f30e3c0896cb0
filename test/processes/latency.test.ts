import { beforeAll, expect, it } from 'vitest'
import { ClientProcess } from './client-process.ts'
import { FaultProxy } from './fault-proxy.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const PROCESSES = 2
const LOSSES_EACH = 60
const LEASE_MS = 1_200

let server: ServerProcess

beforeAll(async () => {
  server = await startServer()
})

it('reports how long after the end of a lease its signal aborts', async () => {
  const proxy = await FaultProxy.listen(server.url)
  const clients = Array.from(
    { length: PROCESSES },
    (_, index) => new ClientProcess('lose-many', proxy.url, `latency-${index}`, LOSSES_EACH, LEASE_MS),
  )
  for (const client of clients) await client.told('holding')
  proxy.blackHole()
  const told = await Promise.all(clients.map((client) => client.told('delays')))
  await proxy.heal()
  for (const client of clients) client.go()
  await Promise.all(clients.map((client) => client.tale()))

  const delays = told.flatMap(({ delays }) => delays).toSorted((a, b) => a - b)
  expect(delays).toHaveLength(PROCESSES * LOSSES_EACH)
  report(delays)
  // How late a timer is depends on what else the machine does, so that only what cannot be explained by it is wrong.
  expect(part(delays, 0.5)).toBeLessThan(LEASE_MS)
})

function report(delays: readonly number[]): void {
  const [median, p99, max] = [0.5, 0.99, 1].map((each) => part(delays, each).toFixed(1))
  process.stdout.write(
    `From the end of a lease to its abort: median ${median} ms, p99 ${p99} ms, max ${max} ms, of ${delays.length} losses.\n`,
  )
}

/** The smallest of `sorted` that this part of them does not exceed. */
function part(sorted: readonly number[], part: number): number {
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN
}
