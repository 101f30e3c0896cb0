import { EventHeap, type SimulatedEvent } from './event-heap.ts'

/** How many turns of the event loop let real `Request` and `Response` bodies be read. */
const LOOP_TURNS = 8

/**
 * How everything that an event sets off gets its turn before the next event. `microtasks` is enough for promises, and
 * fast; `loop` also lets streams be read, and Node look for rejections that nobody handles.
 */
export type Draining = 'microtasks' | 'loop'

/** True time, and what happens in it: one event after another, however many seem to run at once. */
export class Kernel {
  /** True ms since the beginning. No part of the product ever sees them. */
  now = 0
  /** How many events have happened. */
  fired = 0
  readonly #draining: Draining
  readonly #heap = new EventHeap()
  #order = 0
  #stopped = false

  constructor(draining: Draining) {
    this.#draining = draining
  }

  /** Runs `task` in `ms` of true time; returns the way to cancel it. */
  after(ms: number, task: () => void): () => void {
    this.#order += 1
    const event: SimulatedEvent = { at: this.now + Math.max(0, ms), order: this.#order, task }
    this.#heap.push(event)
    return () => {
      event.task = null
    }
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true
  }

  /** Runs until nothing is left to happen, and resolves to `true`; to `false` if `until` comes first, or `stop()`. */
  run(until: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          const finished = this.#step(until)
          if (finished !== null) return resolve(finished)
        } catch (error) {
          return reject(error)
        }
        drain()
      }
      const drain = this.#draining === 'microtasks' ? afterMicrotasks(step) : afterTurns(step, LOOP_TURNS)
      drain()
    })
  }

  /** `null`: there may be more. */
  #step(until: number): boolean | null {
    if (this.#stopped) return false
    const event = this.#heap.pop()
    if (event === undefined) return true
    if (event.at > until) {
      this.#heap.push(event)
      return false
    }
    this.now = Math.max(this.now, event.at)
    this.fired += 1
    event.task?.()
    return null
  }
}

/**
 * Node drains all microtasks before the next tick, also those that microtasks add: that is complete, unlike a fixed
 * number of `await null`, and as fast.
 */
function afterMicrotasks(step: () => void): () => void {
  const tick = () => process.nextTick(step)
  return () => queueMicrotask(tick)
}

function afterTurns(step: () => void, turns: number): () => void {
  const turn = (left: number) => {
    if (left === 0) step()
    else setImmediate(turn, left - 1)
  }
  return () => turn(turns)
}
