import type { Changed, LockStore } from '../../src/server/store.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Random } from './random.ts'
import type { ServerHistory } from './server-history.ts'

/** How long a message between a server and its store takes at most, in ms: mostly, and when there is much to do. */
const QUICK_MS = 2
const SLOW_MS = 400
const SLOW_CHANCE = 0.03

export interface RemoteStoreOptions {
  readonly kernel: Kernel
  readonly random: Random
  readonly history: ServerHistory
  /** Where the server runs. */
  readonly machine: Machine
}

/** A store on another machine, as one process of a server reaches it: steps and hints take a while, and may overtake. */
export function remote(store: LockStore, { kernel, random, history, machine }: RemoteStoreOptions): LockStore {
  const { epoch } = machine
  const delay = () => random.between(0, random.chance(SLOW_CHANCE) ? SLOW_MS : QUICK_MS)
  const back = (task: () => void) =>
    kernel.after(delay(), () => {
      if (epoch === machine.epoch) machine.run(task)
    })
  const step = <Outcome>(act: () => Promise<Outcome>): Promise<Outcome> => {
    const { sender } = history
    return new Promise((resolve, reject) => {
      kernel.after(delay(), () => {
        const answer = sender === null ? act() : history.asSender(sender, act)
        answer.then(
          (outcome) => back(() => resolve(outcome)),
          (error) => back(() => reject(error)),
        )
      })
    })
  }
  return {
    traits: store.traits,
    acquire: (each) => step(() => store.acquire(each)),
    attend: (each) => step(() => store.attend(each)),
    renew: (each) => step(() => store.renew(each)),
    release: (each) => step(() => store.release(each)),
    inspect: (each) => step(() => store.inspect(each)),
    list: (each) => step(() => store.list(each)),
    endHolders: (each) => step(() => store.endHolders(each)),
    revoke: (each) => step(() => store.revoke(each)),
    execute: (each) => step(() => store.execute(each)),
    renewSession: (each) => step(() => store.renewSession(each)),
    attendSession: (each) => step(() => store.attendSession(each)),
    endSession: (each) => step(() => store.endSession(each)),
    watch: (listener: (changed: Changed) => void) => store.watch((changed) => void back(() => listener(changed))),
    close: async () => {},
  }
}
