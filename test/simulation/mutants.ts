import { elapsed, type Instant, instant } from '../../src/core/clock.ts'
import type { SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import { operationPath } from '../../src/protocol/paths.ts'
import { Lock } from '../../src/server/stores/memory/lock.ts'
import { WaitQueue } from '../../src/server/stores/memory/wait-queue.ts'
import { forwarded } from './forwarded-store.ts'
import type { Machine } from './machine.ts'
import type { Dialect } from './plan.ts'
import type { ClientPorts, Tweaks } from './tweaks.ts'

/** The product with one of its rules broken on purpose, to see that the oracles notice. */
export interface Mutant {
  readonly name: string
  /** In which worlds it is looked for; `null`: in all. */
  readonly dialect: Dialect | null
  /** Within how many seeds, from 1 on, it must be caught. */
  readonly within: number
  readonly tweaks: Tweaks
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the lease counts from the reply',
    dialect: 'owned',
    within: 300,
    tweaks: {
      ports: (ports) => withReplies(ports, (reply, sentAt) => withMore(reply, () => elapsed(sentAt, instant(ports)))),
    },
  },
  {
    name: 'no margin',
    dialect: 'owned',
    within: 1_000,
    tweaks: { ports: (ports) => withReplies(ports, (reply) => withMore(reply, (ms) => (ms + 100) / 0.98 - ms)) },
  },
  {
    name: 'only the monotonic clock',
    dialect: 'owned',
    within: 300,
    tweaks: { ports: (ports) => ({ ...ports, wall: () => ports.now() }) },
  },
  {
    name: 'no deadline check on read',
    dialect: 'owned',
    within: 300,
    tweaks: { ports: (ports, machine) => ({ ...ports, ...clocksOfTheTask(ports, machine) }) },
  },
  {
    name: 'a late reply revives',
    dialect: 'owned',
    within: 1_000,
    tweaks: { ports: (ports, machine) => withRevival(ports, machine) },
  },
  {
    name: 'a heartbeat after the own deadline',
    dialect: 'classic',
    within: 300,
    tweaks: { host: (host, ports) => ({ ...after(host, ports, 'heartbeat') }) },
  },
  {
    name: 'a release after the own deadline',
    dialect: 'classic',
    within: 300,
    tweaks: { host: (host, ports) => ({ ...after(host, ports, 'release') }) },
  },
  {
    name: 'a release overtakes the heartbeat',
    dialect: 'classic',
    within: 1_000,
    tweaks: {
      host: (host) => ({ ...bound(host), drop: async (id) => void host.drop(id) }),
    },
  },
  {
    name: 'no tombstones',
    dialect: 'owned',
    within: 300,
    tweaks: { storeOptions: (options) => ({ ...options, limits: { tombstones: 0 } }) },
  },
  {
    name: 'a claim gets the full lease',
    dialect: 'owned',
    within: 300,
    tweaks: { patch: () => patchGrant(() => ({ claim: false })) },
  },
  {
    name: 'no timer for what expires',
    dialect: 'owned',
    within: 300,
    tweaks: {
      storeOptions: ({ clock, ...options }) => ({
        ...options,
        ...(clock && { clock: { ...clock, setTimer: () => () => {} } }),
      }),
    },
  },
  { name: 'last come, first served', dialect: 'owned', within: 300, tweaks: { patch: patchQueue } },
  { name: 'a heartbeat shortens', dialect: 'owned', within: 300, tweaks: shortening() },
  {
    name: 'an acquire that is repeated is not renewed',
    dialect: 'owned',
    within: 300,
    tweaks: {
      store: (store) => ({
        ...forwarded(store),
        acquire: async (step) => {
          const known = await store.attend({ ...step, attachMs: step.waitMs })
          if (known.kind !== 'granted' || known.claim) return store.acquire(step)
          return { ...known, expiresInMs: step.leaseMs }
        },
      }),
    },
  },
  {
    name: 'a restart forgets without grace',
    dialect: null,
    within: 300,
    tweaks: { storeOptions: (options) => ({ ...options, grace: 0 }) },
  },
  {
    name: 'fencing tokens from a counter that resets',
    dialect: 'owned',
    within: 300,
    tweaks: {
      storeOptions: ({ clock, ...options }) => ({ ...options, ...(clock && { clock: { ...clock, wall: () => 0 } }) }),
    },
  },
  {
    name: 'the server expires by the wall clock',
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
    const json = reply.status === 200 ? reply.body : '{}'
    const expiresInMs = Number(/"expires_in_ms":(\d+)/.exec(json)?.[1] ?? Number.POSITIVE_INFINITY)
    if (elapsed(sentAt, now) <= expiresInMs) return reply
    then = { task: machine.tasks, at: sentAt }
    return withMore(reply, () => elapsed(sentAt, now))
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

/** Sends one request more for each lock that is dropped. */
function after(host: Host, ports: ClientPorts, operation: 'heartbeat' | 'release'): Host {
  const names = new Map<string, string>()
  return {
    ...bound(host),
    hold: (beating) => {
      names.set(beating.id, beating.name)
      host.hold(beating)
    },
    drop: async (id) => {
      const path = operationPath(operation, names.get(id) ?? '')
      const late = () => void ports.send({ method: 'GET', path, authToken: null }, { timeoutMs: 1_000 }).catch(() => {})
      ports.setTimer(late, 100)
      await host.drop(id)
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
    for (let head = this.head; head !== null; head = this.head) {
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
        if (isRenewing && found?.ending === null) found.expiresAt = 0
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
