import { describe, expect, it } from 'vitest'
import type { EventOf, EventType } from '../../src/core/events.ts'
import type { VirtualClient } from '../support/virtual-client.ts'
import type { VirtualMachine } from '../support/virtual-time.ts'
import { VirtualWorld } from '../support/virtual-world.ts'

/** ms between the signs of life of a worker. */
const TICK = 1_000
/** ms before such a sign at which something stops here, so that this sign is late by nearly as long as it stopped. */
const BEFORE = 50

/** A client that holds a lock for which a worker beats, shortly before a sign of life of that. */
async function holding() {
  const world = new VirtualWorld()
  const client = world.client({}, { hasWorker: true })
  await client.acquire('a')
  await world.time.advance(TICK * 3 - BEFORE)
  const [worker] = client.workers
  if (worker === undefined) throw new Error('No worker was started.')
  return { client, time: world.time, worker, page: client.machine }
}

function eventsOf<Type extends EventType>({ events }: VirtualClient, type: Type): EventOf<Type>[] {
  return events.filter((event) => event.type === type) as EventOf<Type>[]
}

/** What was told of a page that did not run. */
function standstills(client: VirtualClient) {
  return client.events.filter(({ type }) => type === 'page.stalled' || type === 'page.suspended')
}

/** It runs again, and does what waited for that. */
async function wake(machine: VirtualMachine): Promise<void> {
  machine.wake()
  await machine.catchUp()
}

describe('a client whose worker is gone', () => {
  it('tells so once, with the reason, and then who beats', async () => {
    const { client, time, worker } = await holding()
    const before = client.events.length
    worker.fail('it crashed')
    await time.advance(500)
    const told = client.events.slice(before).filter(({ type }) => type === 'worker.lost' || type === 'heartbeat.thread')
    expect(told).toMatchObject([
      { type: 'worker.lost', reason: 'it crashed' },
      { type: 'heartbeat.thread', thread: 'page', reason: 'it crashed' },
    ])
    await time.advance(TICK)
    expect(eventsOf(client, 'worker.lost')).toHaveLength(1)
    expect(eventsOf(client, 'heartbeat.thread').map(({ thread }) => thread)).toEqual(['worker', 'page', 'worker'])
  })
})

describe('a page that did not run while its worker did', () => {
  it('is told of once each time, with how long', async () => {
    const { client, time, page } = await holding()
    for (const ms of [5_000, 8_000]) {
      page.freeze()
      await time.advance(ms)
      await wake(page)
      await time.advance(TICK * 3)
    }
    expect(standstills(client)).toMatchObject([
      { type: 'page.stalled', ms: 5_000 - BEFORE },
      { type: 'page.stalled', ms: 8_000 - BEFORE },
    ])
  })

  it('is not told of for less than a second', async () => {
    const { client, time, page } = await holding()
    page.freeze()
    await time.advance(1_000)
    await wake(page)
    await time.advance(TICK * 3)
    expect(standstills(client)).toEqual([])
  })
})

describe('a page that did not run, and its worker did not either,', () => {
  it.each([
    ['at once with it', 0],
    ['later than it', 2_500],
  ])('is told of as suspended, once, with how long, if it runs %s', async (_, laterMs) => {
    const { client, time, page, worker } = await holding()
    page.freeze()
    worker.machine.freeze()
    await time.advance(5_000)
    await wake(worker.machine)
    await time.advance(laterMs)
    await wake(page)
    await time.advance(TICK * 3)
    expect(standstills(client)).toMatchObject([{ type: 'page.suspended', ms: 5_000 - BEFORE }])
  })

  it('is not told of for less than a second', async () => {
    const { client, time, page, worker } = await holding()
    page.freeze()
    worker.machine.freeze()
    await time.advance(1_000)
    await wake(worker.machine)
    await wake(page)
    await time.advance(TICK * 3)
    expect(standstills(client)).toEqual([])
  })
})
