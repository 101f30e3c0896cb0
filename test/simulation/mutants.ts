import { elapsed, type Instant, instant } from '../../src/core/clock.ts'
import { LockLostError } from '../../src/core/errors.ts'
import type { SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import { BeatLoop } from '../../src/heartbeat/loop.ts'
import { PeerClock } from '../../src/heartbeat/peer-clock.ts'
import { Recruiter } from '../../src/heartbeat/recruiter.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import { operationPath } from '../../src/protocol/paths.ts'
import { PROBLEM_MEDIA_TYPE, problemDocument } from '../../src/protocol/problems.ts'
import { Lock } from '../../src/server/stores/memory/lock.ts'
import { WaitQueue } from '../../src/server/stores/memory/wait-queue.ts'
import { forwarded } from './forwarded-store.ts'
import type { Machine } from './machine.ts'
import type { Mutant } from './mutant.ts'
import { both, replaced } from './replaced.ts'
import { RESTART_MUTANTS } from './restart-mutants.ts'
import { SESSION_MUTANTS } from './session-mutants.ts'
import { SHARED_MUTANTS } from './shared-mutants.ts'
import type { ClientPorts, Tweaks } from './tweaks.ts'

const SINGLE_MUTANTS: readonly Mutant[] = [
  {
    name: 'the lease counts from the reply',
    rules: ['mutual exclusion', 'history', 'heartbeat without belief'],
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
    rules: ['mutual exclusion', 'history'],
    dialect: 'owned',
    within: 1_000,
    tweaks: { ports: (ports) => withReplies(ports, (reply) => withMore(reply, (ms) => (ms + 100) / 0.98 - ms)) },
  },
  {
    name: 'only the monotonic clock',
    rules: ['mutual exclusion', 'heartbeat without belief'],
    dialect: 'owned',
    within: 300,
    tweaks: { ports: withoutWall },
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
    rules: ['zombie grant', 'loss without a fault', 'session', 'seq'],
    dialect: 'owned',
    within: 300,
    tweaks: { storeOptions: (options) => ({ ...options, limits: { tombstones: 0 } }) },
  },
  {
    name: 'a claim gets the full lease',
    rules: ['lost wake-up', 'claim', 'session'],
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
  {
    name: 'a heartbeat shortens',
    rules: ['mutual exclusion', 'promise'],
    dialect: 'owned',
    within: 300,
    tweaks: shortening(),
  },
  {
    name: 'an acquire that is repeated is not renewed',
    rules: ['mutual exclusion', 'promise'],
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
    rules: ['mutual exclusion', 'lost wake-up', 'fifo', 'promise', 'session', 'claim'],
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
    name: 'believing until told otherwise',
    rules: ['mutual exclusion', 'heartbeat without belief', 'history', 'quiescence'],
    dialect: 'owned',
    within: 300,
    tweaks: { ports: (ports) => withReplies(ports, (reply) => withMore(reply, () => 600_000)) },
  },
  {
    name: 'a failed heartbeat is a loss',
    rules: ['loss without a word'],
    dialect: 'owned',
    within: 300,
    tweaks: { ports: failingHeartbeats },
  },
  {
    name: 'the loss is told before the abort',
    rules: ['abort first'],
    dialect: null,
    within: 300,
    tweaks: { patch: patchAbort },
  },
  {
    name: 'instants of another thread are taken as they are',
    rules: ['mutual exclusion', 'loss without a word', 'loss without a fault'],
    dialect: 'owned',
    within: 300,
    tweaks: { patch: () => patchPeer((theirs) => theirs) },
  },
  {
    name: 'a lease counts from the message of its worker',
    rules: ['mutual exclusion', 'heartbeat without belief'],
    dialect: 'owned',
    within: 1_000,
    tweaks: { patch: patchArrival },
  },
  {
    name: 'asking again confirms a claim',
    rules: ['claim', 'lost wake-up', 'fencing'],
    dialect: 'owned',
    hasSessions: false,
    within: 1_000,
    tweaks: {
      store: (store) => ({
        ...forwarded(store),
        acquire: async (step) => {
          const outcome = await store.acquire(step)
          if (outcome.kind === 'granted' && outcome.claim) await store.renew([{ ...step, leaseMs: null }])
          return outcome
        },
      }),
    },
  },
  {
    name: 'the dead keep their turn',
    rules: ['fifo', 'lost wake-up', 'promise'],
    dialect: 'owned',
    hasSessions: false,
    within: 1_000,
    tweaks: { patch: () => patchDead() },
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
  {
    name: 'a safe steal leaves the end as it is',
    rules: ['steal', 'lost wake-up', 'promise', 'session'],
    dialect: 'owned',
    within: 300,
    tweaks: { patch: () => replaced(Lock.prototype, 'fixEnd', () => () => {}) },
  },
  {
    name: 'what was waited counts in full',
    rules: ['overlong belief'],
    dialect: 'owned',
    world: { isAdverse: true },
    within: 300,
    tweaks: { ports: waitingInFull },
  },
  {
    name: 'nobody takes over from a dead worker',
    rules: ['loss without a fault'],
    dialect: 'owned',
    world: { hasWorkers: true, isQuiet: true },
    within: 300,
    tweaks: { patch: withoutReplacement },
  },
  {
    name: 'who takes over knows of no deadline',
    rules: ['heartbeat without belief'],
    dialect: 'owned',
    hasSessions: true,
    world: { hasWorkers: true },
    within: 1_000,
    tweaks: { patch: () => replaced(BeatLoop.prototype, 'hold', endless) },
  },
]

/** All of them: each breaks one rule. */
export const MUTANTS: readonly Mutant[] = [...SINGLE_MUTANTS, ...SESSION_MUTANTS, ...RESTART_MUTANTS, ...SHARED_MUTANTS]

/** The wall clock goes with the other one, and so shows no sleep. */
function withoutWall(ports: ClientPorts): ClientPorts {
  const offset = ports.wall() - ports.now()
  return { ...ports, wall: () => ports.now() + offset }
}

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
  if (reply.status !== 200) return reply
  const revive = (key: string, value: unknown) =>
    key === 'expires_in_ms' && typeof value === 'number' ? value + more(value) : value
  return { ...reply, body: JSON.stringify(JSON.parse(reply.body, revive)) }
}

/** How long the server says that it had parked the request, in ms; requests of sessions are never parked. */
function waited(reply: WireReply): number {
  return reply.body.includes('"epoch":') ? 0 : (durationIn(reply, 'waited_ms') ?? 0)
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

/** Clocks that tell how long somebody waited are taken at their word. */
function waitingInFull(ports: ClientPorts): ClientPorts {
  const inFull = (text: string) =>
    text.replace(/"waited_ms":(\d+)/g, (_, ms: string) => `"waited_ms":${Number(ms) / 0.98}`)
  return {
    ...ports,
    send: async (request, options) => {
      const reply = await ports.send(request, options)
      return { ...reply, body: inFull(reply.body) }
    },
    openStream: (request, { signal, heard }) =>
      ports.openStream(request, { signal, heard: (data) => heard(data === null ? null : inFull(data)) }),
  }
}

/** Every heartbeat without an answer is taken for a no. */
function failingHeartbeats(ports: ClientPorts): ClientPorts {
  const no = { status: 200, contentType: 'application/json', body: JSON.stringify(NO), retryAfterMs: null }
  const gone = problemDocument('session-unknown', 'as if')
  const unknown = { status: 409, contentType: PROBLEM_MEDIA_TYPE, body: JSON.stringify(gone), retryAfterMs: null }
  return {
    ...ports,
    send: async (request, options) => {
      try {
        return await ports.send(request, options)
      } catch (error) {
        if (!request.path.includes('/heartbeat') || options.signal?.aborted) throw error
        return request.path === '/v1/session/heartbeat' ? unknown : no
      }
    },
  }
}

const NO = { v: 2, response: false, reason: 'unknown' } as const

/** Lets the abort of a loss come after what is told of it. */
function patchAbort(): () => void {
  const { abort } = AbortController.prototype
  AbortController.prototype.abort = function (reason) {
    if (!(reason instanceof LockLostError)) return abort.call(this, reason)
    void Promise.resolve()
      .then(() => {})
      .then(() => abort.call(this, reason))
  }
  return () => {
    AbortController.prototype.abort = abort
  }
}

/** Translates the instants of another thread in another way. */
function patchPeer(translate: (this: PeerClock, theirs: Instant) => Instant): () => void {
  const { toHere } = PeerClock.prototype
  PeerClock.prototype.toHere = translate
  return () => {
    PeerClock.prototype.toHere = toHere
  }
}

/** When the message of the worker was there: as late as what it tells can have been. */
function patchArrival(): () => void {
  const { receive } = PeerClock.prototype
  let arrived: Instant = { mono: 0, wall: 0 }
  PeerClock.prototype.receive = function (stamp) {
    receive.call(this, stamp)
    // The stamp of the answer is taken at once, and only looked at.
    arrived = { mono: this.stamp().at, wall: Number.POSITIVE_INFINITY }
  }
  const undo = patchPeer(() => arrived)
  return () => {
    undo()
    PeerClock.prototype.receive = receive
  }
}

/** Nobody loses a place by not being there. */
function patchDead(): () => void {
  const { removeDead, head } = WaitQueue.prototype
  WaitQueue.prototype.removeDead = () => []
  WaitQueue.prototype.head = function () {
    return head.call(this, Number.NEGATIVE_INFINITY)
  }
  return () => {
    Object.assign(WaitQueue.prototype, { removeDead, head })
  }
}

type Host = ReturnType<NonNullable<Tweaks['host']>>

/** A host as a plain object, so that single methods can be replaced. */
function bound(host: Host): Host {
  return {
    hold: (beating) => host.hold(beating),
    drop: (id) => host.drop(id),
    pause: (id, paused) => host.pause(id, paused),
    nudge: (all) => host.nudge(all),
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

/** What is to be confirmed, as after a hand-over, counts from a time that never comes. */
function endless(hold: BeatLoop['hold']): BeatLoop['hold'] {
  const never = { mono: Number.MAX_SAFE_INTEGER, wall: Number.MAX_SAFE_INTEGER }
  return function (this: BeatLoop, beating) {
    hold.call(this, beating.confirm ? { ...beating, term: { ...beating.term, sentAt: never } } : beating)
  }
}

/** Neither the page nor another worker beats for one that died. */
function withoutReplacement(): () => void {
  const begun = new WeakSet<Recruiter>()
  const once = (begin: Recruiter['begin']): Recruiter['begin'] =>
    function (this: Recruiter) {
      if (!begun.has(this)) begin.call(this)
      begun.add(this)
    }
  return both(
    replaced(SupervisedHost.prototype, 'takeOver', () => () => {}),
    replaced(Recruiter.prototype, 'begin', once),
  )
}
