import type { LockMode, Steal } from '../../src/protocol/wire.ts'
import type { Draining } from './kernel.ts'
import { Random } from './random.ts'

/** True ms after which nothing goes wrong any more. */
export const HEALED_AT = 60_000
/** True ms before which the clients begin what they want to do. */
const LAST_ACTION_AT = 40_000
/** Clocks are off by up to this rate. The product promises to bear 1 %. */
const WORST_RATE = 0.009
/** How many clients of ours beat in a worker. */
const WORKER_CHANCE = 0.3
/** How many of these die. */
const WORKER_DEATH_CHANCE = 0.2
const OWNED_STORES: readonly StoreKind[] = ['grace', 'grace', 'mark', 'durable', 'durable', 'remote']
/** Only where they are asked for, so that the worlds of the others stay as they are. */
const FURTHER_STORES: readonly StoreKind[] = ['shared']
const CLASSIC_STORES: readonly StoreKind[] = ['grace', 'mark']
/** What a client with a long lease bears without a loss, where locks outlive a restart. */
const BORNE: ReadonlySet<Fault['kind']> = new Set(['restart', 'kill-worker'])
const QUIET_CHANCE = 0.15
/** ms for which a server may be down in all. */
const BORNE_DOWN_MS = 3_000
/** How many of the servers of ours know sessions. */
const SESSIONS_CHANCE = 0.6
/** ms. */
const LONG_HOLD_MS = 12_000
/** What ordinary messages take in the classic world at most, in ms: it is not safe against later ones. */
const CLASSIC_DELAY_MS = 80

export type Dialect = 'owned' | 'classic'

/**
 * Where the locks of a server are. `grace`: in its memory, and it waits after a restart as long as it was told to.
 * `mark`: as long as a mark tells. `durable`: they come back. `remote`: on another machine, which goes on. `shared`: in a
 * log on another machine, which several servers follow.
 */
export type StoreKind = 'grace' | 'mark' | 'durable' | 'remote' | 'shared'

/** What goes wrong. Times are true ms. `who` is the label of a machine. */
export type Fault =
  | {
      readonly kind: 'network'
      readonly from: number
      readonly until: number
      /** `null`: everybody's. */
      readonly who: string | null
      /** `any`: nothing passes, or all of it late. */
      readonly message: MessageKind | 'any'
      readonly effect: 'lose' | 'delay' | 'duplicate'
      /** How many of the messages it hits. */
      readonly chance: number
      /** By how much at most, for `delay` and `duplicate`. */
      readonly ms: number
      /** Its own stream of random numbers, so that dropping another fault leaves it as it is. */
      readonly stream: number
    }
  | { readonly kind: 'freeze' | 'sleep'; readonly at: number; readonly who: string; readonly ms: number }
  | { readonly kind: 'step-wall'; readonly at: number; readonly who: string; readonly ms: number }
  | { readonly kind: 'kill'; readonly at: number; readonly who: string }
  /** The thread that beats dies; its page notices after so many ms. */
  | { readonly kind: 'kill-worker'; readonly at: number; readonly who: string; readonly ms: number }
  | {
      readonly kind: 'restart'
      readonly at: number
      /** Which server; default: the only one. */
      readonly who?: string
      readonly downMs: number
      readonly graceful: boolean
    }
  | EngineFault

/** What happens to the requests of servers to a log that they share, or to the hints that it sends them. */
export interface EngineFault {
  readonly kind: 'engine'
  readonly from: number
  readonly until: number
  /** `null`: every server's. */
  readonly who: string | null
  /** `repeat`: carried out once more, later. `deafen`: hints are lost. */
  readonly effect: 'lose' | 'lose-answer' | 'delay' | 'repeat' | 'deafen'
  readonly chance: number
  /** By how much at most, for `delay` and `repeat`. */
  readonly ms: number
  readonly stream: number
}

/** `event`: what a stream carries. */
export type MessageKind = 'request' | 'reply' | 'abort' | 'event'

/** What an application does. */
export type Action =
  | {
      readonly kind: 'hold'
      readonly at: number
      readonly who: string
      readonly name: string
      readonly mode: LockMode
      readonly steal: Steal | null
      readonly blocking: boolean
      readonly timeoutMs: number | null
      /** The application no longer wants it after so many ms; `null`: it does. */
      readonly abortMs: number | null
      readonly holdMs: number
      readonly leaseMs: number | null
      readonly maxHoldMs: number | null
      /** It looks at the state of its lease so often. */
      readonly readMs: number
    }
  | { readonly kind: 'close' | 'leave' | 'nudge'; readonly at: number; readonly who: string }

export type HoldAction = Extract<Action, { readonly kind: 'hold' }>

export interface ClientPlan {
  readonly label: string
  readonly rate: number
  /** `raw` and `session` speak the protocol by the book and are not our client: one lock at a time, or by sessions. */
  readonly kind: 'lockable' | 'raw' | 'session'
  /** How often it may park a request. */
  readonly parkingChance: number
  readonly dialect: 'auto' | Dialect
  /** The lease of its locks unless they say otherwise; `null`: the server's. */
  readonly leaseMs: number | null
  /** ms between its polls where there is no queue. */
  readonly retryMs: number
  /** Whether its heartbeats are sent from another thread. */
  readonly hasWorker: boolean
  /** How often it hears of grants by a stream, if it speaks sessions. */
  readonly streamChance: number
}

/** A server that shares its store with others. */
export interface PeerPlan {
  readonly label: string
  readonly rate: number
}

/** Everything that a seed decides before the schedule begins. */
export interface Plan {
  readonly seed: number
  readonly dialect: Dialect
  /** Whether requests go through the real handler as `Request` and `Response`, or as plain objects around it. */
  readonly seam: 'plain' | 'handler'
  readonly draining: Draining
  /** What a classic world's server makes of a POST. `ours`: it speaks both dialects, and the clients are told. */
  readonly classicServer: 'ours' | 'unknown-path' | 'takes-post'
  /** Whether a server of ours knows sessions. */
  readonly hasSessions: boolean
  readonly store: StoreKind
  readonly serverRate: number
  /** Further servers beside the one that is called `server`. */
  readonly peers: readonly PeerPlan[]
  /** Of the machine of a store that is remote. */
  readonly storeRate: number
  readonly leaseMs: number
  /** ms after a restart in which nothing is granted: the longest lease of all. */
  readonly graceMs: number
  readonly longestDelayMs: number
  /** Whether the oracles look at leases on machines that are frozen: looking is itself an event there. */
  readonly looksAtFrozen: boolean
  readonly names: readonly string[]
  readonly clients: readonly ClientPlan[]
  readonly faults: readonly Fault[]
  readonly actions: readonly Action[]
}

/** What the faults of a schedule depend on. */
interface FaultContext {
  readonly store: StoreKind
  readonly peers: readonly PeerPlan[]
  readonly isQuiet: boolean
  readonly drawn: readonly Fault[]
  readonly actions: readonly Action[]
}

/** What the clocks' rates can be off by. */
interface Rates {
  readonly client: readonly number[]
  readonly server: readonly number[]
}

const ADVERSE: Rates = { client: [-WORST_RATE], server: [WORST_RATE] }
const SOME_RATES = [-WORST_RATE, -WORST_RATE / 3, 0, WORST_RATE / 3, WORST_RATE]
const ANY_RATE: Rates = { client: SOME_RATES, server: SOME_RATES }

/** ms. */
export const LEASES: readonly number[] = [1_500, 3_000, 6_000, 10_000, 20_000]

export interface WorldOptions {
  readonly dialect?: Dialect
  readonly seam?: Plan['seam']
  readonly classicServers?: readonly Plan['classicServer'][]
  readonly hasSessions?: boolean
  /** From which one is drawn; classic worlds know but the first two. */
  readonly stores?: readonly StoreKind[]
  /** Set: clocks are as far off as the product promises to bear. */
  readonly isAdverse?: boolean
  /** Set: nothing goes wrong but what nobody may notice. */
  readonly isQuiet?: boolean
  /** Set: every client of ours beats in a worker. */
  readonly hasWorkers?: boolean
}

/** Without `takes-post`: asked for by name only, as long as giving up is told to it as a POST that frees anybody's lock. */
const CLASSIC_SERVERS: readonly Plan['classicServer'][] = ['ours', 'unknown-path', 'takes-post']

/** Draws the schedule of a seed. */
export function planOf(seed: number, options: WorldOptions = {}): Plan {
  const random = new Random(seed)
  const dialect = options.dialect ?? (random.chance(0.2) ? 'classic' : 'owned')
  const seam = options.seam ?? 'plain'
  const leaseMs = random.pick(LEASES)
  const classicServer = dialect === 'classic' ? random.pick(options.classicServers ?? CLASSIC_SERVERS) : 'ours'
  // The worst that clocks can do: the holder's are slow, and the server's are fast.
  const areAdverse = random.chance(0.4)
  const rates = areAdverse || options.isAdverse ? ADVERSE : ANY_RATE
  // Drawn apart, so that it changes nothing else.
  const sessionRandom = random.fork(2)
  const drawn = dialect === 'owned' && sessionRandom.chance(SESSIONS_CHANCE)
  const hasSessions = dialect === 'owned' && (options.hasSessions ?? drawn)
  const threads = random.fork(3)
  const clients = planClients(random, dialect, leaseMs, { classicServer, rates })
    .map((client) => (hasSessions ? inSessions(client, sessionRandom) : client))
    .map((client) => withWorker(client, threads.chance(WORKER_CHANCE) || (options.hasWorkers ?? false)))
  const names = random.chance(0.8) ? ['a'] : ['a', 'b/ü']
  const actions = planActions(random, dialect, clients, names)
  const more = hasSessions ? planSessionFaults(sessionRandom, actions) : []
  const storeRandom = random.fork(4)
  const store = planStore(storeRandom, dialect, options.stores)
  const others = [...more, ...planRestarts(storeRandom, store, actions), ...planWorkerDeaths(threads, clients)]
  const base = planFaults(random, dialect, actions)
  const isQuiet = options.isQuiet ?? (others.some(({ kind }) => BORNE.has(kind)) && storeRandom.chance(QUIET_CHANCE))
  const drawnFaults = isQuiet ? others.filter(({ kind }) => BORNE.has(kind)) : withoutLostTime([...base, ...others])
  const sharing = random.fork(5)
  const peers = store === 'shared' ? planPeers(sharing, rates) : []
  const faults = planAllFaults(sharing, { store, peers, isQuiet, drawn: drawnFaults, actions })
  const leases = [leaseMs, ...clients.map(longestLeaseOf), ...actions.map(leaseOf)]
  return {
    seed,
    dialect,
    seam,
    draining: seam === 'handler' ? 'loop' : 'microtasks',
    classicServer,
    hasSessions,
    store,
    serverRate: 1 + random.pick(rates.server),
    peers,
    storeRate: 1 + storeRandom.pick(rates.server),
    leaseMs,
    graceMs: Math.max(...leases),
    longestDelayMs: dialect === 'classic' ? CLASSIC_DELAY_MS : random.pick([2, 20, 100]),
    looksAtFrozen: random.chance(0.5),
    names,
    clients,
    faults,
    actions,
  }
}

/** Whether nothing goes wrong that costs anybody a long lease. */
export function isCalm({ store, faults }: Plan): boolean {
  const keepsLocks = store === 'durable' || store === 'remote' || store === 'shared'
  const downMs = faults.reduce((sum, fault) => sum + (fault.kind === 'restart' ? downtimeOf(fault) : 0), 0)
  return faults.every(({ kind }) => BORNE.has(kind)) && (downMs === 0 || (keepsLocks && downMs <= BORNE_DOWN_MS))
}

/** A server that goes in good order answers nobody who waits for as long again. */
function downtimeOf({ downMs, graceful }: Extract<Fault, { readonly kind: 'restart' }>): number {
  return graceful ? 2 * downMs : downMs
}

/** Without some of the faults and actions: faults are counted first, from 0. */
export function without(plan: Plan, dropped: ReadonlySet<number>): Plan {
  return {
    ...plan,
    faults: plan.faults.filter((_, index) => !dropped.has(index)),
    actions: plan.actions.filter((_, index) => !dropped.has(plan.faults.length + index)),
  }
}

/** Those that are not ours ask for any lease. */
function longestLeaseOf({ kind, leaseMs }: ClientPlan): number {
  return kind === 'lockable' ? (leaseMs ?? 0) : Math.max(...LEASES)
}

function leaseOf(action: Action): number {
  return action.kind === 'hold' ? (action.leaseMs ?? 0) : 0
}

function planClients(
  random: Random,
  dialect: Dialect,
  leaseMs: number,
  { classicServer, rates }: Pick<Plan, 'classicServer'> & { readonly rates: Rates },
): ClientPlan[] {
  const clients: ClientPlan[] = []
  for (let index = 1; index <= random.whole(3, 4); index += 1) {
    const isRaw = dialect === 'owned' && index > 2 && random.chance(0.4)
    clients.push({
      label: `${isRaw ? 'raw' : 'c'}${index}`,
      rate: 1 + random.pick(rates.client),
      kind: isRaw ? 'raw' : 'lockable',
      parkingChance: random.pick([0, 0.5, 1, 1, 1]),
      dialect: dialect === 'classic' && classicServer !== 'ours' ? random.pick(['auto', 'classic']) : dialect,
      retryMs: random.pick([60, 1_000]),
      hasWorker: false,
      streamChance: 0,
      // On a classic server it states what that server gives.
      leaseMs: dialect === 'classic' ? leaseMs : random.chance(0.5) ? random.pick(LEASES) : null,
    })
  }
  return clients
}

/** A client of a server with sessions: some are not ours, and speak them by the book. */
function inSessions(client: ClientPlan, random: Random): ClientPlan {
  const streamChance = random.pick([0, 0.5, 1, 1])
  if (!random.chance(client.kind === 'raw' ? 0.5 : 0.3)) return { ...client, streamChance }
  return { ...client, streamChance, kind: 'session', label: client.label.replace(/^[a-z]+/, 's') }
}

function planActions(
  random: Random,
  dialect: Dialect,
  clients: readonly ClientPlan[],
  names: readonly string[],
): Action[] {
  const steals = dialect === 'owned' && random.chance(0.3)
  const shares = dialect === 'owned' && random.chance(0.4)
  const actions: Action[] = []
  for (const { label: who, kind } of clients) {
    for (let count = random.whole(2, 5); count > 0; count -= 1) {
      const at = random.between(0, LAST_ACTION_AT)
      if (kind === 'lockable' && random.chance(0.05)) {
        actions.push({ kind: random.pick(['close', 'leave', 'nudge'] as const), at, who })
      } else {
        actions.push({ ...planHold(random, dialect, { steals, shares }), at, who, name: random.pick(names) })
      }
    }
  }
  return actions.sort((one, other) => one.at - other.at)
}

function planHold(
  random: Random,
  dialect: Dialect,
  { steals, shares }: { readonly steals: boolean; readonly shares: boolean },
): Omit<HoldAction, 'at' | 'who' | 'name'> {
  return {
    kind: 'hold',
    mode: shares && random.chance(0.5) ? 'shared' : 'exclusive',
    steal: steals && random.chance(0.3) ? random.pick(['safe', 'safe', 'now'] as const) : null,
    blocking: random.chance(0.9),
    timeoutMs: random.chance(0.2) ? random.between(50, 15_000) : null,
    abortMs: random.chance(0.2) ? random.between(0, 10_000) : null,
    holdMs: random.chance(0.4) ? random.between(5_000, 30_000) : random.between(10, 4_000),
    leaseMs: dialect === 'owned' && random.chance(0.3) ? random.pick(LEASES) : null,
    maxHoldMs: random.chance(0.1) ? random.between(100, 10_000) : null,
    readMs: random.pick([50, 500, 10_000]),
  }
}

function planFaults(random: Random, dialect: Dialect, actions: readonly Action[]): Fault[] {
  const faults: Fault[] = []
  for (let count = random.chance(0.1) ? 0 : random.whole(1, 8); count > 0; count -= 1) {
    // Most of what goes wrong goes wrong while somebody asks for a lock or holds one.
    const near = random.pick(actions)
    const at = random.chance(0.7) ? near.at + random.between(0, 6_000) : random.between(0, HEALED_AT - 5_000)
    const { who } = near
    if (random.chance(0.1)) faults.push(...planCut(random, dialect, at, who))
    faults.push(
      random.chance(0.5) ? planNetworkFault(random, dialect, at, who) : planMachineFault(random, dialect, at, who),
    )
  }
  return faults
}

function withWorker(client: ClientPlan, isWanted: boolean): ClientPlan {
  return { ...client, hasWorker: isWanted && client.kind === 'lockable' }
}

function planStore(random: Random, dialect: Dialect, wanted: WorldOptions['stores']): StoreKind {
  const known: readonly StoreKind[] = dialect === 'owned' ? OWNED_STORES : CLASSIC_STORES
  const drawn = random.pick(known)
  const possible = dialect === 'owned' ? [...known, ...FURTHER_STORES] : known
  const among = wanted?.filter((kind) => possible.includes(kind)) ?? []
  return among.length === 0 ? drawn : random.pick(among)
}

/** Where a restart is what matters there are more of them, and the server's wall clock is set back before some. */
function planRestarts(random: Random, store: StoreKind, actions: readonly Action[]): Fault[] {
  const faults: Fault[] = []
  if (store === 'grace') return faults
  for (let count = random.whole(0, 2); count > 0; count -= 1) {
    const at = random.pick(actions).at + random.between(0, 8_000)
    const back = random.pick([-3_600_000, -60_000, -5_000]) * random.between(0.5, 1)
    if (random.chance(0.4)) faults.push({ kind: 'step-wall', at: at - 1, who: 'server', ms: back })
    faults.push({ kind: 'restart', at, downMs: random.pick([20, 500, 4_000]), graceful: random.chance(0.3) })
  }
  return faults
}

/** A worker that dies with a noise is missed at once, and one that is silent when it has missed some of its ticks. */
function planWorkerDeaths(random: Random, clients: readonly ClientPlan[]): Fault[] {
  return clients.flatMap(({ label: who, hasWorker }) => {
    if (!hasWorker || !random.chance(WORKER_DEATH_CHANCE)) return []
    const ms = random.pick([0, 0, 2_500, 6_000])
    return [{ kind: 'kill-worker' as const, at: random.between(1_000, LAST_ACTION_AT), who, ms }]
  })
}

/** What is rare otherwise, and matters to who speaks sessions. */
function planSessionFaults(random: Random, actions: readonly Action[]): Fault[] {
  const near = random.pick(actions)
  if (random.chance(0.1)) return planLateNews(random, near.at, near.who)
  // Whoever holds long enough that others have been granted the lock before it gives it back.
  const isLong = near.kind === 'hold' && near.holdMs > LONG_HOLD_MS
  return isLong && random.chance(0.5) ? planRebirth(random, near.at, near.who) : []
}

/** News of grants come late, and then nothing comes any more. */
function planLateNews(random: Random, from: number, who: string): Fault[] {
  const cutAt = from + random.between(500, 12_000)
  const fault = { kind: 'network', from, who, chance: 1, ms: 6_000, stream: random.whole(1_000, 1_000_000) } as const
  return [
    { ...fault, until: cutAt, message: 'event', effect: 'delay' },
    { ...fault, from: cutAt, until: Math.min(HEALED_AT, cutAt + 12_000), message: 'any', effect: 'lose' },
  ]
}

/** What opened a session comes once more after the server has forgotten it, before the client hears of that. */
function planRebirth(random: Random, from: number, who: string): Fault[] {
  const at = from + random.between(300, 3_000)
  const fault = { kind: 'network', from, who, chance: 1, ms: 8_000, stream: random.whole(1_000, 1_000_000) } as const
  return [
    { ...fault, until: at, message: 'request', effect: 'duplicate' },
    { kind: 'restart', at, downMs: 20, graceful: false },
    { ...fault, from: at, until: at + random.between(1_000, 6_000), message: 'request', effect: 'lose' },
  ]
}

/** First one hears nothing any more, then nobody hears one either: what was asked for is granted, and asked for again. */
function planCut(random: Random, dialect: Dialect, at: number, who: string): Fault[] {
  const fault = planNetworkFault(random, dialect, at, who)
  if (fault.kind !== 'network') return []
  const cut = { ...fault, who, effect: 'lose', chance: 1 } as const
  const deafUntil = Math.min(HEALED_AT, at + random.between(500, 8_000))
  return [
    { ...cut, message: 'reply', until: deafUntil },
    { ...cut, message: 'any', from: deafUntil + random.between(0, 1_000), until: Math.min(HEALED_AT, at + 30_000) },
  ]
}

function planNetworkFault(random: Random, dialect: Dialect, at: number, who: string): Fault {
  const kinds = ['request', 'reply', 'reply', 'abort', 'any', 'any'] as const
  const message = random.pick(dialect === 'owned' ? ([...kinds, 'event'] as const) : kinds)
  // A classic request that arrives late frees or renews somebody else's lock, and no client can help it.
  const mayBeLate = dialect === 'owned' || message === 'reply'
  return {
    kind: 'network',
    from: at,
    until: Math.min(HEALED_AT, at + random.pick([300, 3_000, 10_000, 25_000]) * random.between(0.5, 1)),
    who: random.chance(0.7) ? who : null,
    message,
    effect: mayBeLate ? random.pick(['lose', 'lose', 'delay', 'delay', 'duplicate'] as const) : 'lose',
    chance: random.pick([0.2, 0.6, 1, 1]),
    ms: random.pick([50, 500, 3_000, 12_000]),
    stream: random.whole(1_000, 1_000_000),
  }
}

function planPeers(random: Random, rates: Rates): PeerPlan[] {
  const count = random.whole(1, 2)
  return Array.from({ length: count }, (_, index) => ({
    label: `server${index + 2}`,
    rate: 1 + random.pick(rates.server),
  }))
}

function planAllFaults(random: Random, { store, peers, isQuiet, drawn, actions }: FaultContext): Fault[] {
  if (store === 'grace') return withoutLostTokens(drawn)
  if (store !== 'shared') return [...drawn]
  const labels = ['server', ...peers.map(({ label }) => label)]
  const spread = drawn.map((fault) => spreadOver(random, labels, fault))
  if (isQuiet) return spread
  return [...spread, ...planServerFaults(random, labels, actions), ...planEngineFaults(random, labels, actions)]
}

/** What hits the server hits one of them. */
function spreadOver(random: Random, labels: readonly string[], fault: Fault): Fault {
  const who = random.pick(labels)
  if (fault.kind === 'restart') return { ...fault, who }
  if (fault.kind === 'network' || fault.kind === 'engine' || fault.who !== 'server') return fault
  return { ...fault, who }
}

/** One of several servers may stand still, or be down, for as long as it likes. */
function planServerFaults(random: Random, labels: readonly string[], actions: readonly Action[]): Fault[] {
  const faults: Fault[] = []
  for (let count = random.whole(0, 4); count > 0; count -= 1) {
    const at = random.pick(actions).at + random.between(0, 8_000)
    const who = random.pick(labels)
    const ms = Math.min(HEALED_AT - at, random.pick([300, 1_500, 6_000, 20_000]) * random.between(0.5, 1))
    faults.push(
      random.pick<Fault>([
        { kind: 'freeze', at, who, ms },
        { kind: 'freeze', at, who, ms },
        { kind: 'sleep', at, who, ms },
        { kind: 'step-wall', at, who, ms: random.pick([-3_600_000, -5_000, 5_000, 3_600_000]) },
        { kind: 'restart', at, who, downMs: random.pick([20, 500, 4_000, 15_000]), graceful: random.chance(0.3) },
      ]),
    )
  }
  return faults
}

function planEngineFaults(random: Random, labels: readonly string[], actions: readonly Action[]): Fault[] {
  const faults: Fault[] = []
  for (let count = random.chance(0.15) ? 0 : random.whole(1, 5); count > 0; count -= 1) {
    const isLong = random.chance(0.3)
    const from = isLong ? 0 : random.pick(actions).at + random.between(0, 6_000)
    const ms = random.pick([300, 2_000, 8_000, 20_000]) * random.between(0.5, 1)
    faults.push({
      kind: 'engine',
      from,
      until: isLong ? HEALED_AT - 5_000 : Math.min(HEALED_AT - 5_000, from + ms),
      who: random.chance(0.7) ? random.pick(labels) : null,
      effect: random.pick(['lose', 'lose-answer', 'delay', 'delay', 'repeat', 'deafen'] as const),
      chance: isLong ? random.pick([0.02, 0.1, 0.4]) : random.pick([0.3, 1, 1]),
      ms: random.pick([50, 500, 3_000, 8_000]),
      stream: random.whole(1_000, 1_000_000),
    })
  }
  return faults
}

function planMachineFault(random: Random, dialect: Dialect, at: number, who: string): Fault {
  const ms = Math.min(HEALED_AT - at, random.pick([300, 3_000, 8_000, 25_000]) * random.between(0.5, 1))
  const step = random.pick([-60_000, -5_000, -1_000, 1_000, 5_000, 60_000]) * random.between(0.5, 1)
  const owned: readonly Fault[] = [
    { kind: 'freeze', at, who: 'server', ms: Math.min(ms, 6_000) },
    { kind: 'sleep', at, who: 'server', ms: Math.min(ms, 6_000) },
  ]
  return random.pick<Fault>([
    { kind: 'freeze', at, who, ms },
    { kind: 'freeze', at, who, ms },
    { kind: 'sleep', at, who, ms },
    { kind: 'sleep', at, who, ms },
    { kind: 'step-wall', at, who, ms: step },
    { kind: 'step-wall', at, who: 'server', ms: step },
    { kind: 'kill', at, who },
    { kind: 'restart', at, downMs: random.between(10, 2_000), graceful: random.chance(0.3) },
    ...(dialect === 'owned' ? owned : []),
  ])
}

/**
 * A store that forgets takes its next fencing token from the wall clock, so it needs one that is not set back between
 * the last grant and a restart: where there is a restart, the server's clock is set forth only.
 */
function withoutLostTokens(faults: readonly Fault[]): Fault[] {
  const restarts = faults.some(({ kind }) => kind === 'restart')
  return faults.map((fault) =>
    restarts && fault.kind === 'step-wall' && fault.who === 'server' ? { ...fault, ms: Math.abs(fault.ms) } : fault,
  )
}

/**
 * While a machine sleeps only its wall clock tells that time passes. If that is set back within the same lease, nothing
 * tells, and no client can know: a clock of a machine that sleeps is set forth only.
 */
function withoutLostTime(faults: readonly Fault[]): Fault[] {
  const sleepers = new Set(faults.flatMap((fault) => (fault.kind === 'sleep' ? [fault.who] : [])))
  return faults.map((fault) =>
    fault.kind === 'step-wall' && sleepers.has(fault.who) ? { ...fault, ms: Math.abs(fault.ms) } : fault,
  )
}
