import type { ServerClock } from '../../src/server/clock.ts'
import type { LockStore } from '../../src/server/store.ts'
import type { Entry } from '../../src/server/stores/shared/entry.ts'
import type { LoadedLog, LogRecord, SharedLog } from '../../src/server/stores/shared/log.ts'
import { Replica } from '../../src/server/stores/shared/replica.ts'
import { Ticker } from '../../src/server/stores/shared/ticker.ts'
import { LONGEST_TICK_MS, SLACK_MS } from '../../src/server/stores/shared/timing.ts'
import { forwarded } from './forwarded-store.ts'
import type { Mutant } from './mutant.ts'
import type { StoreKind } from './plan.ts'
import { both, replaced } from './replaced.ts'

const sharing = { dialect: 'owned', within: 300, world: { stores: ['shared'] satisfies StoreKind[] } } as const

/** One for each rule of a log that several servers share. */
export const SHARED_MUTANTS: readonly Mutant[] = [
  {
    ...sharing,
    name: 'holders are told all that there is of a lease',
    rules: ['mutual exclusion', 'promise', 'history'],
    tweaks: { store: tellingAll },
  },
  {
    ...sharing,
    name: 'each tick moves the time on by the most',
    rules: ['mutual exclusion', 'promise', 'history'],
    tweaks: { patch: () => withGetter(Ticker.prototype, 'elapsedMs', () => () => LONGEST_TICK_MS) },
  },
  {
    ...sharing,
    name: 'ticks count though somebody else was first',
    rules: ['mutual exclusion', 'promise', 'history'],
    tweaks: { patch: countingAllTicks },
  },
  {
    ...sharing,
    name: 'a record that comes again is carried out again',
    rules: ['history'],
    tweaks: { patch: () => replaced(Replica.prototype, 'hasHeard', () => () => false) },
  },
  {
    ...sharing,
    name: 'a step is answered before it is in the log',
    rules: ['history', 'lost wake-up'],
    tweaks: { log: answeringFirst },
  },
  {
    ...sharing,
    name: 'each server counts the time by its own clock',
    rules: ['mutual exclusion', 'promise', 'history'],
    tweaks: { log: byOwnClock },
  },
  {
    ...sharing,
    name: 'nobody looks who has missed a hint',
    rules: ['lost wake-up'],
    tweaks: {
      patch: () =>
        withGetter(
          Ticker.prototype,
          'due',
          (due) =>
            function (this: Ticker) {
              const what = due.call(this)
              return what === 'look' ? null : what
            },
        ),
    },
  },
  {
    ...sharing,
    name: 'nobody takes over the ticks',
    rules: ['lost wake-up', 'quiescence', 'liveness'],
    tweaks: { patch: notTakingOver },
  },
  {
    ...sharing,
    name: 'a look is answered from what is known',
    rules: ['history', 'lost wake-up', 'session'],
    tweaks: { log: (log) => ({ ...log, read: async () => [] }) },
  },
  {
    ...sharing,
    name: 'a snapshot does not tell what was heard of whom',
    rules: ['history', 'zombie grant', 'seq'],
    tweaks: { log: (log) => loading(log, (image) => ({ ...image, heard: [] })) },
  },
  {
    ...sharing,
    name: 'a snapshot does not tell who is over',
    rules: ['history', 'zombie grant', 'zombie session'],
    tweaks: { log: (log) => loading(log, (image) => ({ ...image, store: withoutStones(image.store) })) },
  },
]

interface Image {
  readonly tickNumber: number
  readonly store: {
    readonly spaces: readonly { readonly tombstones: object }[]
    readonly table: { readonly tombstones: object }
  }
}

function withGetter<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  make: (original: (this: Owner) => Owner[Key]) => (this: Owner) => Owner[Key],
): () => void {
  const original = Object.getOwnPropertyDescriptor(owner, key)
  if (original?.get === undefined) throw new Error(`There is no ${String(key)} to be read.`)
  Object.defineProperty(owner, key, { ...original, get: make(original.get) })
  return () => void Object.defineProperty(owner, key, original)
}

/** As if what it ends later than that were for nothing. */
function tellingAll(store: LockStore): LockStore {
  const more = <Outcome>(outcome: Outcome): Outcome =>
    JSON.parse(JSON.stringify(outcome), (key, value) => (key === 'expiresInMs' ? value + SLACK_MS : value))
  return {
    ...forwarded(store),
    acquire: async (step) => more(await store.acquire(step)),
    attend: async (step) => more(await store.attend(step)),
    renew: async (steps) => more(await store.renew(steps)),
    execute: async (step) => more(await store.execute(step)),
    renewSession: async (step) => more(await store.renewSession(step)),
    attendSession: async (step) => more(await store.attendSession(step)),
  }
}

function countingAllTicks(): () => void {
  return replaced(
    Replica.prototype,
    'apply',
    (apply) =>
      function (this: Replica, record) {
        const { nextTick: number } = this
        return apply.call(
          this,
          rewritten(record, (entry) => ({ ...entry, tick: entry.tick && { ...entry.tick, number } })),
        )
      },
  )
}

/** Ticks are made by whoever made the last one, or has ended a rest. */
function notTakingOver(): () => void {
  const resting = new WeakSet<Ticker>()
  const makers = new WeakSet<Ticker>()
  return both(
    replaced(
      Ticker.prototype,
      'looked',
      (looked) =>
        function (this: Ticker, isIdle) {
          if (isIdle) resting.add(this)
          else resting.delete(this)
          looked.call(this, isIdle)
        },
    ),
    replaced(
      Ticker.prototype,
      'wrote',
      (wrote) =>
        function (this: Ticker) {
          if (resting.has(this)) makers.add(this)
          wrote.call(this)
        },
    ),
    replaced(
      Ticker.prototype,
      'seen',
      (seen) =>
        function (this: Ticker, isMine) {
          if (isMine) makers.add(this)
          else makers.delete(this)
          seen.call(this, isMine)
        },
    ),
    withGetter(
      Ticker.prototype,
      'due',
      (due) =>
        function (this: Ticker) {
          const what = due.call(this)
          return what === 'tick' && !makers.has(this) ? 'look' : what
        },
    ),
  )
}

/** What it has written counts as if nobody else had come first. */
function answeringFirst(log: SharedLog): SharedLog {
  return {
    ...log,
    append: async (record, after, isNews) => {
      void log.append(record, after, isNews).catch(() => undefined)
      return [{ ...record, position: (after?.position ?? 0) + 1 }]
    },
  }
}

/** Each record moves the time on by what has passed here since the one before. */
function byOwnClock(log: SharedLog, clock: ServerClock): SharedLog {
  let number = 0
  let lastAt = clock.now()
  const ticking = (records: readonly LogRecord[]) =>
    records.map((record) => {
      const ms = Math.floor(clock.now() - lastAt)
      lastAt = clock.now()
      number += 1
      return rewritten(record, (entry) => ({ ...entry, tick: { number, ms } }))
    })
  return {
    ...log,
    load: async () => {
      const loaded = await log.load()
      number = loaded.snapshot === null ? 0 : imageOf(loaded.snapshot.text).tickNumber
      return { ...loaded, records: ticking(loaded.records) }
    },
    append: async (record, after, isNews) => {
      const records = await log.append(record, after, isNews)
      return records && ticking(records)
    },
    read: async (after) => {
      const records = await log.read(after)
      return records && ticking(records)
    },
  }
}

function loading(log: SharedLog, change: (image: Image) => object): SharedLog {
  return {
    ...log,
    load: async (): Promise<LoadedLog> => {
      const loaded = await log.load()
      const { snapshot } = loaded
      if (snapshot === null) return loaded
      return { ...loaded, snapshot: { ...snapshot, text: JSON.stringify(change(imageOf(snapshot.text))) } }
    },
  }
}

function withoutStones({ table, spaces, ...store }: Image['store']): object {
  const none = <Tombs extends { readonly tombstones: object }>(each: Tombs) => ({
    ...each,
    tombstones: { ...each.tombstones, stones: [] },
  })
  return { ...store, table: none(table), spaces: spaces.map(none) }
}

function imageOf(text: string): Image {
  return JSON.parse(text)
}

function rewritten(record: LogRecord, change: (entry: Entry) => Entry): LogRecord {
  const entry: Entry = JSON.parse(record.body)
  return { ...record, body: JSON.stringify(change(entry)) }
}
