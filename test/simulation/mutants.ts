import { elapsed, type Instant, instant } from '../../src/core/clock.ts'
import type { SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import { operationPath } from '../../src/protocol/paths.ts'
import { Lock } from '../../src/server/stores/memory/lock.ts'
import { WaitQueue } from '../../src/server/stores/memory/wait-queue.ts'
import { forwarded } from './forwarded-store.ts'
import type { Machine } from './machine.ts'
import type { Dialect } from './plan.ts'
import type { ClientPorts, Tweaks } from './tweaks.ts'
import type { Rule } from './verdict.ts'

/** The product with one of its rules broken on purpose, to see that the oracles notice. */
export interface Mutant {
  readonly name: string
  /** In which worlds it is looked for; `null`: in all. */
  readonly dialect: Dialect | null
  /** By which rules it may be caught: by others it would be for the wrong reason. */
  readonly rules: readonly Rule[]
  /** Within how many seeds, from 1 on, it must be caught. */
  readonly within: number
  readonly tweaks: Tweaks
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the lease counts from the reply',
    rules: ['mutual exclusion'],
    dialect: 'owned',
    within: 300,
    tweaks: {
      ports: (ports) =>
        withReplies(ports, (reply, sentAt) =>
          withMore(reply, () => elapsed(sentAt, instant(ports)) - 0.98 * waited(reply)),
        ),
    },
  },
  {
    name: 'no margin',
    rules: ['mutual exclusion'],
    dialect: 'owned',
    within: 1_000,
    tweaks: { ports: (ports) => withReplies(ports, (reply) => withMore(reply, (ms) => (ms + 100) / 0.98 - ms)) },
  },
  {
    name: 'only the monotonic clock',
    rules: ['mutual exclusion'],
    dialect: 'owned',
    within: 300,
    tweaks: { ports: (ports) => ({ ...ports, wall: () => ports.now() }) },
  },
  {
    name: 'no deadline check on read',
    rules: ['mutual exclusion'],
    dialect: 'owned',
    within: 300,
    tweaks: { ports: (ports, machine) => ({ ...ports, ...clocksOfTheTask(ports, machine) }) },
  },
  {
    name: 'a late reply revives',
    rules: ['mutual exclusion', 'no revival'],
    dialect: 'owned',
    within: 1_000,
    tweaks: { ports: (ports, machine) => withRevival(ports, machine) },
  },
  {
    name: 'a heartbeat after the own deadline',
    rules: ['heartbeat without belief', 'stray request'],
    dialect: 'classic',
    within: 300,
    tweaks: afterLoss('heartbeat'),
  },
  {
    name: 'a release after the own deadline',
    rules: ['mutual exclusion', 'stray request', 'loss without a fault'],
    dialect: 'classic',
    within: 300,
    tweaks: afterLoss('release'),
  },
  {
    name: 'a release overtakes the heartbeat',
    rules: ['stray request'],
    dialect: 'classic',
    within: 1_000,
    tweaks: {
      host: (host) => ({ ...bound(host), drop: async (id) => void host.drop(id) }),
    },
  },
  {
    name: 'no tombstones',
    rules: ['zombie grant', 'loss without a fault'],
    dialect: 'owned',
    within: 300,
    tweaks: { storeOptions: (options) => ({ ...options, limits: { tombstones: 0 } }) },
  },
  {
    name: 'a claim gets the full lease',
    rules: ['lost wake-up', 'claim'],
    dialect: 'owned',
    within: 300,
    tweaks: { patch: () => patchGrant(() => ({ claim: false })) },
  },
  {
    name: 'no timer for what expires',
    rules: ['lost wake-up'],
    dialect: 'owned',
    within: 300,
    tweaks: {
      storeOptions: ({ clock, ...options }) => ({
        ...options,
        ...(clock && { clock: { ...clock, setTimer: () => () => {} } }),
      }),
    },
  },
  { name: 'last come, first served', rules: ['fifo'], dialect: 'owned', within: 300, tweaks: { patch: patchQueue } },
  { name: 'a heartbeat shortens', rules: ['mutual exclusion'], dialect: 'owned', within: 300, tweaks: shortening() },
  {
    name: 'an acquire that is repeated is not renewed',
    rules: ['mutual exclusion'],
    dialect: 'owned',
    within: 1_500,
    tweaks: notRenewing(),
  },
  {
    name: 'a restart forgets without grace',
    rules: ['mutual exclusion'],
    dialect: null,
    within: 300,
    tweaks: { storeOptions: (options) => ({ ...options, grace: 0 }) },
  },
  {
    name: 'fencing tokens from a counter that resets',
    rules: ['fencing', 'claim'],
    dialect: 'owned',
    within: 300,
    tweaks: {
      storeOptions: ({ clock, ...options }) => ({ ...options, ...(clock && { clock: { ...clock, wall: () => 0 } }) }),
    },
  },
  {
    name: 'the server expires by the wall clock',
    rules: ['mutual exclusion', 'lost wake-up', 'fifo'],
    dialect: 'owned',
    within: 300,
    tweaks: {
      storeOptions: ({ clock, ...options }) => ({
        ...options,
        ...(clock && { clock: { ...clock, now: () => clock.wall() } }),
      }),
    },
  },
  {
    name: 'giving up is not told',
    rules: ['zombie grant'],
    dialect: 'owned',
    within: 1_000,
    tweaks: {
      store: (store) => ({
        ...forwarded(store),
        release: async (step) => {
          const known = await store.attend({ ...step, attachMs: 1_000 })
          return known.kind === 'granted' ? store.release(step) : { kind: 'released' }
        },
      }),
    },
  },
]

/** The ports with every reply changed on its way. */
function withReplies(ports: ClientPorts, change: (reply: WireReply, sentAt: Instant) => WireReply): ClientPorts {
  const send = async (request: WireRequest, options: SendOptions) => {
    const sentAt = instant(ports)
    return change(await ports.send(request, options), sentAt)
  }
  return { ...ports, send }
}

/** The reply with so many ms more left than the server said. */
function withMore(reply: WireReply, more: (ms: number) => number): WireReply {
  const json: unknown = reply.status === 200 ? JSON.parse(reply.body) : null
  if (typeof json !== 'object' || json === null || !('expires_in_ms' in json)) return reply
  const ms = Number(json.expires_in_ms)
  return { ...reply, body: JSON.stringify({ ...json, expires_in_ms: ms + more(ms) }) }
}

/** How long the server says that it had parked the request, in ms. */
function waited(reply: WireReply): number {
  return durationIn(reply, 'waited_ms') ?? 0
}

function durationIn(reply: WireReply, member: string): number | null {
  const found = new RegExp(`"${member}":(\\d+)`).exec(reply.body)
  return found === null ? null : Number(found[1])
}

/** Clocks that are looked at once in a task: who looks in between, as into a frozen page, sees what it was then. */
function clocksOfTheTask(ports: ClientPorts, machine: Machine): Pick<ClientPorts, 'now' | 'wall'> {
  let task = -1
  let then = instant(ports)
  const look = () => {
    if (task !== machine.tasks) then = instant(ports)
    task = machine.tasks
    return then
  }
  return { now: () => look().mono, wall: () => look().wall }
}

/** In the task that brings a reply it seems to be when the request was sent, and the lease counts from the reply. */
function withRevival(ports: ClientPorts, machine: Machine): ClientPorts {
  let then: { readonly task: number; readonly at: Instant } | null = null
  const clocks = {
    now: () => (then?.task === machine.tasks ? then.at.mono : ports.now()),
    wall: () => (then?.task === machine.tasks ? then.at.wall : ports.wall()),
  }
  const late = (reply: WireReply, sentAt: Instant) => {
    const now = instant(ports)
    const expiresInMs = durationIn(reply, 'expires_in_ms') ?? Number.POSITIVE_INFINITY
    const lateMs = elapsed(sentAt, now) - 0.98 * waited(reply)
    if (lateMs <= expiresInMs) return reply
    then = { task: machine.tasks, at: sentAt }
    return withMore(reply, () => lateMs)
  }
  return { ...withReplies(ports, late), ...clocks }
}

type Host = ReturnType<NonNullable<Tweaks['host']>>

/** A host as a plain object, so that single methods can be replaced. */
function bound(host: Host): Host {
  return {
    hold: (beating) => host.hold(beating),
    drop: (id) => host.drop(id),
    pause: (id, paused) => host.pause(id, paused),
    nudge: () => host.nudge(),
    setAuthToken: (token) => host.setAuthToken(token),
    close: () => host.close(),
  }
}

/** Sends one classic request more for each lock that is lost, a second later. */
function afterLoss(operation: 'heartbeat' | 'release'): Tweaks {
  const released = new WeakMap<ClientPorts, Set<string>>()
  return {
    ports: (ports) => {
      const paths = new Set<string>()
      const watched: ClientPorts = {
        ...ports,
        send: (request, options) => {
          paths.add(request.path)
          return ports.send(request, options)
        },
      }
      released.set(watched, paths)
      return watched
    },
    host: (host, ports) => {
      const names = new Map<string, string>()
      return {
        ...bound(host),
        hold: (beating) => {
          if (beating.kind === 'lock') {
            names.set(beating.id, beating.name)
            released.get(ports)?.delete(operationPath('release', beating.name))
          }
          host.hold(beating)
        },
        drop: async (id) => {
          const name = names.get(id) ?? ''
          const late = () => {
            if (released.get(ports)?.has(operationPath('release', name))) return
            const request = { method: 'GET', path: operationPath(operation, name), authToken: null } as const
            void ports.send(request, { timeoutMs: 1_000 }).catch(() => {})
          }
          ports.setTimer(late, 1_000)
          await host.drop(id)
        },
      }
    },
  }
}

/** Changes how a waiter is granted. */
function patchGrant(change: () => { readonly claim: boolean }): () => void {
  const { grant } = Lock.prototype
  Lock.prototype.grant = function (grantee, now) {
    return grant.call(this, grantee, now, change())
  }
  return () => {
    Lock.prototype.grant = grant
  }
}

/** Lets each waiter in before all others. */
function patchQueue(): () => void {
  const { add } = WaitQueue.prototype
  WaitQueue.prototype.add = function (waiter) {
    const others = []
    const now = Number.NEGATIVE_INFINITY
    for (let head = this.head(now); head !== null; head = this.head(now)) {
      others.push(head)
      this.remove(head)
    }
    for (const each of [waiter, ...others]) add.call(this, each)
  }
  return () => {
    WaitQueue.prototype.add = add
  }
}

/** Forgets what was left, right before it is renewed. */
function shortening(): Tweaks {
  let isRenewing = false
  return {
    patch: () => {
      const { holder } = Lock.prototype
      Lock.prototype.holder = function (owner) {
        const found = holder.call(this, owner)
        if (isRenewing && found?.ending === null) found.ownEnd = 0
        return found
      }
      return () => {
        Lock.prototype.holder = holder
      }
    },
    store: (store) => ({
      ...forwarded(store),
      renew: (steps) => {
        isRenewing = true
        // Carried out at once, also where the answer comes later.
        const outcomes = store.renew(steps)
        isRenewing = false
        return outcomes
      },
    }),
  }
}

/** Takes back what an acquire added to a lease, after the answer was made. */
function notRenewing(): Tweaks {
  let before: { readonly holder: { ownEnd: number }; readonly ownEnd: number } | null = null
  let isAsking = false
  return {
    patch: () => {
      const { holder } = Lock.prototype
      Lock.prototype.holder = function (owner) {
        const found = holder.call(this, owner)
        if (isAsking && found !== null) before = { holder: found, ownEnd: found.ownEnd }
        isAsking = false
        return found
      }
      return () => {
        Lock.prototype.holder = holder
      }
    },
    store: (store) => ({
      ...forwarded(store),
      acquire: (step) => {
        isAsking = true
        const outcome = store.acquire(step)
        isAsking = false
        if (before !== null) before.holder.ownEnd = before.ownEnd
        before = null
        return outcome
      },
    }),
  }
}
