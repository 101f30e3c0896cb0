import type { SendOptions, WireReply, WireRequest } from '../../src/core/ports.ts'
import { CommandPipe } from '../../src/core/session/pipe.ts'
import { Place } from '../../src/core/session/place.ts'
import type { CommandsRequest } from '../../src/protocol/session.ts'
import type { LockStore, Standing } from '../../src/server/store.ts'
import type { Mark, MarkState } from '../../src/server/stores/memory/mark.ts'
import type { MemoryStoreOptions } from '../../src/server/stores/memory.ts'
import { forwarded } from './forwarded-store.ts'
import type { Mutant } from './mutant.ts'
import type { StoreKind } from './plan.ts'
import { replaced } from './replaced.ts'
import type { ClientPorts, Tweaks } from './tweaks.ts'

const withMark = { dialect: 'owned', world: { stores: ['mark'] satisfies StoreKind[] } } as const
const comingBack = {
  dialect: 'owned',
  hasSessions: true,
  world: { stores: ['durable'] satisfies StoreKind[] },
} as const

/** One for each rule of restarts. */
export const RESTART_MUTANTS: readonly Mutant[] = [
  {
    ...withMark,
    name: 'the mark is not written',
    rules: ['mutual exclusion', 'fencing', 'claim', 'history'],
    within: 300,
    tweaks: marking((mark) => ({ ...bound(mark), write: () => {} })),
  },
  {
    ...withMark,
    name: 'the mark is written after the grant',
    rules: ['mutual exclusion', 'fencing', 'claim', 'forgotten promise'],
    within: 300,
    tweaks: marking((mark, { clock }) => ({
      ...bound(mark),
      write: (state) => void clock?.setTimer(() => mark.write(state), 2_000),
    })),
  },
  {
    ...withMark,
    name: 'a longer lease does not raise the mark',
    rules: ['mutual exclusion', 'forgotten promise'],
    within: 300,
    tweaks: marking(keepingFirstLease),
  },
  {
    ...comingBack,
    name: 'the reply of another epoch extends',
    rules: ['mutual exclusion', 'overlong belief', 'history', 'settling', 'quiescence', 'liveness'],
    within: 300,
    tweaks: { ports: withoutEpochs },
  },
  {
    ...comingBack,
    name: 'nobody asks what came back',
    world: { ...comingBack.world, isQuiet: true },
    rules: ['loss without a fault', 'liveness'],
    within: 300,
    tweaks: { patch: () => replaced(CommandPipe.prototype, 'addFirst', () => () => {}) },
  },
  {
    ...comingBack,
    name: 'what came back and is not wanted is kept',
    rules: ['settling', 'quiescence', 'liveness'],
    within: 1_000,
    tweaks: { ports: keepingUnwanted },
  },
  {
    ...comingBack,
    name: 'a place that did not come back is not asked for',
    rules: ['settling', 'quiescence', 'liveness'],
    within: 300,
    tweaks: { patch: notAskingAgain },
  },
  {
    ...comingBack,
    name: 'who was robbed is not told',
    rules: ['mutual exclusion', 'overlong belief', 'session', 'promise'],
    within: 300,
    tweaks: { store: withoutRobberies },
  },
]

/** Puts something between the store and its mark. */
function marking(change: (mark: Mark, options: MemoryStoreOptions) => Mark): Tweaks {
  return {
    storeOptions: (options) =>
      options.mark === undefined ? options : { ...options, mark: change(options.mark, options) },
  }
}

/** A mark as a plain object, so that single methods can be replaced. */
function bound(mark: Mark): Mark {
  return { read: () => mark.read(), write: (state) => mark.write(state), close: () => mark.close() }
}

function keepingFirstLease(mark: Mark): Mark {
  let first: MarkState | null = null
  return {
    ...bound(mark),
    write: (state) => {
      first ??= mark.read() ?? state
      mark.write({ ...state, longestLeaseMs: Math.min(first.longestLeaseMs, state.longestLeaseMs) })
    },
  }
}

/** All epochs look the same. */
function withoutEpochs(ports: ClientPorts): ClientPorts {
  const same = (text: string) => text.replace(/"epoch":\d+/, '"epoch":1')
  return {
    ...ports,
    send: async (request, options) => {
      const reply = await ports.send(request, options)
      return { ...reply, body: same(reply.body) }
    },
    openStream: (request, { signal, heard }) =>
      ports.openStream(request, { signal, heard: (data) => heard(data === null ? null : same(data)) }),
  }
}

/** Of what `sync` lists, what was released before is overlooked. */
function keepingUnwanted(ports: ClientPorts): ClientPorts {
  const released = new Set<string>()
  const overlooking = (reply: WireReply): WireReply => {
    if (!reply.body.includes('"holds":')) return reply
    const revive = (key: string, value: unknown) =>
      key === 'holds' ? (value as { readonly owner: string }[]).filter(({ owner }) => !released.has(owner)) : value
    return { ...reply, body: JSON.stringify(JSON.parse(reply.body, revive)) }
  }
  const send = async (request: WireRequest, options: SendOptions) => {
    const { commands = [] } = (request.body ?? {}) as Partial<CommandsRequest>
    for (const command of commands) if (command.op === 'release') released.add(command.owner)
    return overlooking(await ports.send(request, options))
  }
  return { ...ports, send }
}

/** Whoever has been queued once does not ask again. */
function notAskingAgain(): () => void {
  return replaced(
    Place.prototype,
    'askAgain',
    (askAgain) =>
      function (this: Place) {
        if (this.state !== 'queued') askAgain.call(this)
      },
  )
}

function withoutRobberies(store: LockStore): LockStore {
  const silent = (standing: Standing): Standing => ({
    ...standing,
    ended: standing.ended.filter(({ reason }) => reason !== 'stolen'),
  })
  return {
    ...forwarded(store),
    execute: async (step) => {
      const outcome = await store.execute(step)
      return outcome.kind === 'executed' ? { ...outcome, standing: silent(outcome.standing) } : outcome
    },
    renewSession: async (step) => {
      const outcome = await store.renewSession(step)
      return outcome.kind === 'standing' ? silent(outcome) : outcome
    },
    attendSession: async (step) => {
      const outcome = await store.attendSession(step)
      return outcome.kind === 'standing' ? silent(outcome) : outcome
    },
  }
}
