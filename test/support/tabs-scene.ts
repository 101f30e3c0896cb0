import type { SessionStreamRequest } from '../../src/protocol/session.ts'
import { VirtualBrowser, type VirtualTab } from './virtual-browser.ts'
import type { VirtualClient } from './virtual-client.ts'
import { settle } from './virtual-time.ts'
import { brings, VirtualWorld } from './virtual-world.ts'

/** ms of each lease in a scene. */
export const LEASE = 60_000
/** Longer than it takes to announce, gather and open, and shorter than the time between polls. */
export const SOON = 400
/** Longer than the time between polls, and shorter than that between refreshes. */
export const A_WHILE = 6_000

/** Tabs of one browser, and somebody else who holds what they wait for. */
export class Scene {
  readonly world = new VirtualWorld({ lease: { defaultMs: LEASE } })
  readonly browser = new VirtualBrowser()
  readonly holder = this.world.client()

  tab(): VirtualClient {
    return this.world.client({}, { browser: this.browser })
  }

  tabs(count: number): VirtualClient[] {
    return Array.from({ length: count }, () => this.tab())
  }

  get time() {
    return this.world.time
  }

  /** How often sessions asked by commands. */
  get asked(): number {
    return this.world.sent.filter(({ path }) => path.endsWith('/commands')).length
  }

  /** The sessions of each stream that was opened, in order. */
  get streams(): string[][] {
    const bodies = this.world.sent.filter((request) => brings('stream', request)).map(({ body }) => body)
    return bodies.map((body) => (body as SessionStreamRequest).sessions.map(({ session }) => session))
  }

  /** How often was asked while `ms` passed. */
  async askedWithin(ms: number): Promise<number> {
    const before = this.asked
    await this.time.advance(ms)
    return this.asked - before
  }

  async closeAll(clients: readonly VirtualClient[]): Promise<void> {
    await Promise.all(clients.map((client) => client.close()))
    await settle()
  }
}

/** Waits for a lock until it is granted, and forgets what becomes of it. */
export function wait(client: VirtualClient, name: string): { isGranted: boolean } {
  const waiting = { isGranted: false }
  client.acquire(name).then(
    () => {
      waiting.isGranted = true
    },
    () => {},
  )
  return waiting
}

/** The tab of a client that has one. */
export function tabOf({ tab }: VirtualClient): VirtualTab {
  if (tab === null) throw new Error('This client is in no tab.')
  return tab
}

/** How many messages of a type were posted by tabs. */
export function posted({ browser }: Scene, type: string): number {
  return browser.posted.filter(({ message }) => (message as { readonly type?: unknown }).type === type).length
}

/** Two tabs that wait for the same lock, `a`, and have found each other: the first of them leads. */
export async function leaderAndFollower(): Promise<{ scene: Scene; leader: VirtualClient; follower: VirtualClient }> {
  const scene = new Scene()
  await scene.holder.acquire('a')
  const [leader, follower] = [scene.tab(), scene.tab()]
  wait(leader, 'a')
  await scene.time.advance(10)
  wait(follower, 'a')
  await scene.time.advance(1_000)
  return { scene, leader, follower }
}
