import { expect } from 'vitest'
import type { LockMode, Steal } from '../../src/protocol/wire.ts'
import type { AcquireOutcome, CommandOutcome, Standing, StoreCommand } from '../../src/server/store.ts'
import { leave, SessionBench, take } from './session-bench.ts'

interface Wanted {
  name: string
  mode: LockMode
  ifAvailable: boolean
  steal: Steal | null
}

export type SessionAction =
  | ({ do: 'acquire'; who: number; slot: number; confirm: boolean } & Wanted)
  | { do: 'release'; who: number; slot: number; beside: boolean }
  | { do: 'beat' | 'poll'; who: number; confirm: boolean }
  | { do: 'attend'; who: number; attachMs: number }
  | { do: 'end'; who: number }
  | ({ do: 'single'; who: number; waitMs: number } & Wanted)
  | { do: 'renew' | 'give-up'; who: number }
  | { do: 'advance'; ms: number }

/** One acquisition as its client sees it. */
interface Known {
  readonly owner: string
  readonly name: string
  readonly mode: LockMode
  /** `claim`: granted out of the queue and not confirmed. */
  state: 'asked' | 'waits' | 'claim' | 'held' | 'over'
  token: number
  /** Until when the client believes that it holds. */
  until: number
  /** The end that was told to be fixed. */
  fixed: number | null
}

/** A session, or a client without one. */
interface Client {
  /** `null`: none. */
  readonly session: string | null
  readonly owners: Map<number, Known>
  expiresAt: number
  liveUntil: number
}

interface Place {
  readonly owner: string
  readonly mode: LockMode
  readonly steal: boolean
  readonly client: Client
}

const TICKET = 5_000
const SESSION_LEASE = 10_000
const LEASE = 20_000
export const NAMES: readonly string[] = ['one', 'two']

/**
 * Sessions and single owners that ask for two locks, and believe what they are told for as long as they are told. It
 * knows nothing of how the store works: it only compares what the store says with the rules.
 */
export class SessionModel {
  readonly bench = new SessionBench()
  readonly #clients = new Map<string, Client>()
  readonly #all: Known[] = []
  readonly #queues = new Map<string, Place[]>(NAMES.map((name) => [name, []]))
  readonly #epochs = new Map<string, number>()
  /** Of whom nothing is believed by others: it gives up, or is over. */
  #leaving: string | Client | null = null
  /** The owner that steals right now, and may have waited before. */
  #stealing: string | null = null
  #made = 0

  constructor() {
    this.bench.store.watch(({ name, owner }) => this.#changed(name, String(owner)))
  }

  async run(action: SessionAction): Promise<void> {
    await this.#act(action)
    await this.#check()
  }

  /** With nobody left, everything must have run out and nothing may tick. */
  async end(): Promise<void> {
    await this.bench.pass(1_000_000_000)
    for (const name of NAMES) expect(await this.bench.inspect(name)).toMatchObject({ mode: null, waiters: 0 })
    expect(this.bench.clock.timers).toBe(0)
  }

  get #now(): number {
    return this.bench.clock.now()
  }

  async #act(action: SessionAction): Promise<void> {
    switch (action.do) {
      case 'advance':
        return await this.bench.pass(action.ms)
      case 'acquire':
        return this.#acquire(action)
      case 'release':
        return this.#release(action)
      case 'beat':
      case 'poll':
        return this.#renew(action)
      case 'attend':
        return this.#attend(action)
      case 'end':
        return this.#endSession(this.#session(action.who))
      case 'single':
        return this.#single(action)
      case 'renew':
        return this.#renewSingle(action.who)
      case 'give-up':
        return this.#giveUp(this.#client(`single ${action.who}`, null), 0)
    }
  }

  async #acquire({ who, slot, confirm, name, mode, ifAvailable, steal }: SessionAction & { do: 'acquire' }) {
    const client = this.#session(who)
    const known = client.owners.get(slot) ?? this.#make(client, slot, name, mode)
    const command = take(known.owner, { name, mode, ifAvailable, steal, info: known.owner })
    this.#stealing = steal === null ? null : known.owner
    const outcome = await this.#commands(client, command, confirm)
    this.#stealing = null
    if (outcome === null) return
    if (outcome.kind === 'conflict') {
      const isWaiting = known.state === 'waits' && ifAvailable
      return expect(known.name !== name || known.mode !== mode || isWaiting, outcome.member).toBe(true)
    }
    expect(outcome.kind === 'spent' || (known.name === name && known.mode === mode)).toBe(true)
    this.#acquired(client, known, outcome as AcquireOutcome, steal)
    // Neither held nor queued: the store knows nothing of it, and the client is done with it.
    if (outcome.kind === 'refused') client.owners.delete(slot)
  }

  async #single({ who, waitMs, name, mode, ifAvailable, steal }: SessionAction & { do: 'single' }) {
    const client = this.#client(`single ${who}`, null)
    const known = client.owners.get(0) ?? this.#make(client, 0, name, mode)
    const { owner } = known
    const asked = { mode: known.mode, waitMs, ifAvailable, steal, leaseMs: LEASE, info: owner }
    const liveUntil = this.#now + waitMs + TICKET
    if (!ifAvailable && (waitMs > 0 || known.state === 'waits')) {
      client.liveUntil = known.state === 'waits' ? Math.max(client.liveUntil, liveUntil) : liveUntil
    }
    this.#stealing = steal === null ? null : owner
    const outcome = await this.bench.acquire(owner, { name: known.name, ...asked })
    this.#stealing = null
    if (outcome.kind === 'conflict') return expect([known.state, ifAvailable]).toEqual(['waits', true])
    if (outcome.kind === 'spent') return void client.owners.delete(0)
    this.#acquired(client, known, outcome, steal)
  }

  #acquired(client: Client, known: Known, outcome: AcquireOutcome, steal: Steal | null): void {
    const queue = this.#queueOf(known.name)
    if (outcome.kind === 'granted') {
      const isNew = known.token === 0
      if (isNew && steal === 'now' && !outcome.claim) this.#forgetRivals(known)
      if (isNew && !outcome.claim) this.#checkTurn(known, steal)
      this.#remove(known)
      this.#granted(known, outcome.fencingToken, this.#now + outcome.expiresInMs)
      if (known.state !== 'held') known.state = outcome.claim ? 'claim' : 'held'
    }
    if (outcome.kind === 'queued') {
      known.state = 'waits'
      const place = queue.find(({ owner }) => owner === known.owner)
      if (place !== undefined && (place.steal || steal !== 'safe')) return
      this.#remove(known)
      const added = { owner: known.owner, mode: known.mode, steal: steal === 'safe', client }
      const others = this.#queueOf(known.name)
      const thieves = others.filter((each) => each.steal)
      const rest = others.filter((each) => !each.steal)
      this.#queues.set(known.name, added.steal ? [...thieves, added, ...rest] : [...thieves, ...rest, added])
    }
    if (outcome.kind === 'spent') known.state = 'over'
  }

  async #release({ who, slot, beside }: SessionAction & { do: 'release' }): Promise<void> {
    const client = this.#session(who)
    if (beside) return this.#giveUp(client, slot)
    const known = client.owners.get(slot)
    if (known === undefined) return
    const isHeld = known.state === 'held' && known.until > this.#now
    this.#leaving = known.owner
    const outcome = await this.#commands(client, leave(known.owner, known.name), false)
    this.#leaving = null
    if (outcome === null) return
    if (isHeld) expect(outcome.kind).toBe('released')
    this.#forget(client, slot, known)
  }

  async #giveUp(client: Client, slot: number): Promise<void> {
    const known = client.owners.get(slot)
    if (known === undefined) return
    this.#leaving = known.owner
    await this.bench.store.release({ namespace: '', name: known.name, owner: known.owner })
    this.#leaving = null
    this.#forget(client, slot, known)
  }

  async #renewSingle(who: number): Promise<void> {
    const known = this.#client(`single ${who}`, null).owners.get(0)
    if (known === undefined) return
    const [outcome] = await this.bench.store.renew([
      { namespace: '', name: known.name, owner: known.owner, leaseMs: null },
    ])
    if (outcome?.kind === 'renewed') {
      this.#granted(known, outcome.fencingToken, this.#now + outcome.expiresInMs)
      known.state = 'held'
    }
  }

  async #renew({ do: how, who, confirm }: SessionAction & { do: 'beat' | 'poll' }): Promise<void> {
    const client = this.#session(who)
    if (how === 'poll') return void (await this.#commands(client, { op: 'sync' }, confirm))
    const named = confirm ? this.#claims(client) : []
    const isAlive = this.#touch(client)
    const outcome = await this.bench.beat(client.session ?? '', named)
    if (outcome.kind === 'session-gone') return this.#gone(client, isAlive)
    this.#stands(client, outcome, named)
  }

  async #attend({ who, attachMs }: SessionAction & { do: 'attend' }): Promise<void> {
    const client = this.#session(who)
    const isAlive = client.expiresAt > this.#now
    const liveUntil = this.#now + attachMs + TICKET
    if (isAlive) client.liveUntil = attachMs === 0 ? liveUntil : Math.max(client.liveUntil, liveUntil)
    const outcome = await this.bench.follow(client.session ?? '', attachMs)
    if (outcome.kind === 'session-gone') return this.#gone(client, isAlive)
    expect(outcome.expiresInMs).toBe(client.expiresAt - this.#now)
  }

  async #endSession(client: Client): Promise<void> {
    this.#leaving = client
    await this.bench.end(client.session ?? '')
    this.#leaving = null
    this.#over(client)
    expect(await this.bench.execute(client.session ?? '', [])).toMatchObject({ kind: 'session-gone' })
  }

  /** Carries out one command and takes in how the session stands. `null`: the session is over. */
  async #commands(client: Client, command: StoreCommand, confirm: boolean): Promise<CommandOutcome | null> {
    const named = confirm ? this.#claims(client) : []
    const isOpen = client.expiresAt !== Number.NEGATIVE_INFINITY
    const isAlive = this.#touch(client) || !isOpen
    if (!isOpen) {
      client.expiresAt = this.#now + SESSION_LEASE
      client.liveUntil = this.#now + TICKET
    }
    const open = { leaseMs: SESSION_LEASE, info: null }
    const outcome = await this.bench.execute(client.session ?? '', [command], { open, confirm: named })
    if (outcome.kind === 'session-gone') {
      this.#gone(client, isAlive)
      return null
    }
    if (outcome.kind !== 'executed') throw new Error(outcome.kind)
    const [result] = outcome.outcomes
    if (result === undefined) throw new Error('no outcome')
    if (result.kind === 'synced') this.#synced(client, result, outcome.standing)
    this.#stands(client, outcome.standing, named)
    return result
  }

  /** A request that renews is about to be sent. Returns whether the session lives. */
  #touch(client: Client): boolean {
    if (client.expiresAt <= this.#now) return false
    client.expiresAt = Math.max(client.expiresAt, this.#now + SESSION_LEASE)
    client.liveUntil = Math.max(client.liveUntil, this.#now + TICKET)
    return true
  }

  #gone(client: Client, wasAlive: boolean): void {
    expect(wasAlive, 'a session was lost that had time left').toBe(false)
    this.#over(client)
  }

  #over(client: Client): void {
    for (const known of client.owners.values()) {
      known.until = Math.min(known.until, this.#now)
      known.state = 'over'
    }
    for (const [name, queue] of this.#queues) {
      this.#queues.set(
        name,
        queue.filter((place) => place.client !== client),
      )
    }
    for (const [key, each] of this.#clients) if (each === client) this.#clients.delete(key)
  }

  #claims(client: Client): string[] {
    return [...client.owners.values()].filter(({ state }) => state === 'claim').map(({ owner }) => owner)
  }

  /** What a client does with a reply. */
  #stands(client: Client, standing: Standing, named: readonly string[]): void {
    expect(standing.expiresInMs).toBe(client.expiresAt - this.#now)
    expect(this.#epochs.get(client.session ?? '') ?? standing.epoch, 'the epoch changed').toBe(standing.epoch)
    this.#epochs.set(client.session ?? '', standing.epoch)
    const ended = new Map(standing.ended.map((each) => [each.owner, each]))
    const ending = new Map(standing.ending.map((each) => [each.owner, each]))
    for (const claim of standing.claims) {
      const known = [...client.owners.values()].find(({ owner }) => owner === claim.owner)
      // Of an acquire whose answer comes with this very reply.
      if (known === undefined) throw new Error(`${claim.owner} was never asked for`)
      this.#granted(known, claim.fencingToken, this.#now + claim.expiresInMs)
      known.state = 'claim'
      expect(claim.expiresInMs).toBeLessThanOrEqual(standing.expiresInMs)
    }
    for (const known of client.owners.values()) {
      if (known.state === 'claim' && named.includes(known.owner)) {
        known.state = standing.confirmed.includes(known.owner) ? 'held' : 'over'
        if (known.state === 'over') expect([...ended.keys()]).toContain(known.owner)
      }
      const end = ending.get(known.owner)
      if (ended.has(known.owner)) {
        known.state = 'over'
        known.until = Math.min(known.until, this.#now)
      } else if (end !== undefined) {
        const until = this.#now + end.expiresInMs
        expect(known.fixed ?? until, 'a fixed end was moved').toBe(until)
        expect(end.expiresInMs).toBeLessThanOrEqual(standing.expiresInMs)
        known.fixed = until
        known.until = until
      } else if (known.state === 'held') {
        known.until = this.#now + standing.expiresInMs
      }
    }
  }

  #synced(client: Client, { holds, waits }: Extract<CommandOutcome, { kind: 'synced' }>, { ended }: Standing): void {
    // A claim that came and went unheard is told of as ended by the same reply.
    const listed = [...holds, ...waits, ...ended].map(({ owner }) => owner)
    for (const { owner, state, until } of client.owners.values()) {
      const isThere = state === 'waits' || (state === 'held' && until > this.#now)
      if (isThere && this.#held(owner)) expect(listed).toContain(owner)
    }
    for (const { owner } of waits) {
      expect([...this.#queues.values()].flat().map((place) => place.owner)).toContain(owner)
    }
  }

  /** Not taken away by a steal, of which its client has not heard yet. */
  #held(owner: string): boolean {
    return !this.#all.some((known) => known.owner === owner && known.until <= this.#now && known.token !== 0)
  }

  #granted(known: Known, token: number, until: number): void {
    if (known.token !== 0) expect(token).toBe(known.token)
    expect(until).toBeGreaterThanOrEqual(Math.min(known.until, until))
    known.token = token
    known.until = until
  }

  #make(client: Client, slot: number, name: string, mode: LockMode): Known {
    this.#made += 1
    const owner = `${client.session ?? 'single'}-${slot}-${this.#made}`
    const known: Known = { owner, name, mode, state: 'asked', token: 0, until: 0, fixed: null }
    client.owners.set(slot, known)
    this.#all.push(known)
    return known
  }

  #session(who: number): Client {
    return this.#client(`session ${who}`, `S${who}-${this.#made}`)
  }

  #client(key: string, session: string | null): Client {
    const known = this.#clients.get(key)
    if (known !== undefined) return known
    this.#made += 1
    const none = Number.NEGATIVE_INFINITY
    const client = { session, owners: new Map(), expiresAt: none, liveUntil: none }
    this.#clients.set(key, client)
    return client
  }

  #forget(client: Client, slot: number, known: Known): void {
    known.until = Math.min(known.until, this.#now)
    known.state = 'over'
    this.#remove(known)
    client.owners.delete(slot)
  }

  #remove({ name, owner }: Known): void {
    this.#queues.set(
      name,
      this.#queueOf(name).filter((place) => place.owner !== owner),
    )
  }

  #queueOf(name: string): Place[] {
    return this.#queues.get(name) ?? []
  }

  #isLive({ client }: Place): boolean {
    const hasEnded = client.session !== null && client.expiresAt <= this.#now
    return client.liveUntil > this.#now && !hasEnded
  }

  /** Who is granted without having waited finds nobody alive ahead. */
  #checkTurn(known: Known, steal: Steal | null): void {
    const ahead = this.#queueOf(known.name).filter((place) => place.owner !== known.owner && this.#isLive(place))
    const passed = steal === 'now' ? [] : ahead.filter((place) => place.steal || steal !== 'safe')
    expect(
      passed.map(({ owner }) => owner),
      `${known.owner} overtook`,
    ).toEqual([])
  }

  /** A waiter that did not give up and is not over was granted, and must have been the first of the living. */
  #changed(name: string, owner: string): void {
    const queue = this.#queueOf(name)
    const place = queue.find((each) => each.owner === owner)
    if (place === undefined) return
    const isLeaving = this.#leaving === owner || this.#leaving === place.client
    // Who has waited and now steals need not be the first; `#checkTurn` judges what comes of it.
    const first = queue.find((each) => each.owner !== this.#stealing && this.#isLive(each))
    if (!isLeaving && this.#stealing !== owner && this.#isLive(place)) expect(owner).toBe(first?.owner)
    this.#queues.set(
      name,
      queue.filter((each) => each !== place),
    )
  }

  #forgetRivals({ owner, name, mode }: Known): void {
    for (const known of this.#all) {
      const isRival =
        known.owner !== owner && known.name === name && (mode === 'exclusive' || known.mode === 'exclusive')
      if (isRival) known.until = Math.min(known.until, this.#now)
    }
  }

  async #check(): Promise<void> {
    for (const name of NAMES) await this.#checkLock(name)
    const tokens = this.#all.map(({ token }) => token).filter((token) => token !== 0)
    expect(new Set(tokens).size, 'a token was given twice').toBe(tokens.length)
  }

  async #checkLock(name: string): Promise<void> {
    const state = await this.bench.inspect(name)
    const holders = state.holders.map(({ info }) => String(info))
    const believers = this.#all.filter((known) => known.name === name && known.until > this.#now)
    for (const { owner } of believers) expect(holders, `${owner} believes and does not hold`).toContain(owner)
    const modes = new Set(state.holders.map(({ mode }) => mode))
    expect(modes.has('exclusive') && holders.length > 1, 'two hold at once').toBe(false)
    const queue = this.#queueOf(name)
    const keep = queue.filter((place) => this.#isLive(place) || (place.client.session !== null && this.#isAlive(place)))
    expect(state.waiters).toBe(keep.length)
    const head = queue.find((place) => this.#isLive(place))
    const isFree = state.mode === null || (state.mode === 'shared' && head?.mode === 'shared')
    expect(head !== undefined && isFree, 'a lock that could be had is not handed to the first live one').toBe(false)
  }

  #isAlive({ client }: Place): boolean {
    return client.expiresAt > this.#now
  }
}
