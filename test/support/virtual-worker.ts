import type { Clock } from '../../src/core/clock.ts'
import type { Send, Timers } from '../../src/core/ports.ts'
import type { Stamped, ToWorker } from '../../src/heartbeat/messages.ts'
import type { WorkerChoice } from '../../src/heartbeat/recruiter.ts'
import type { SpawnedWorker, SpawnListeners } from '../../src/heartbeat/worker-host.ts'
import { WorkerThread } from '../../src/heartbeat/worker-thread.ts'
import { VirtualMachine, type VirtualTime } from './virtual-time.ts'

/** What becomes of a worker that is started. `throws`: at once. `is forbidden`: it is told a little later. */
export type WorkerStart = 'runs' | 'throws' | 'is forbidden' | 'is silent'

/** What every thread is given. */
export interface ThreadPorts extends Clock, Timers {
  random(): number
}

/** The ports of a thread in virtual time. */
export function portsOf(thread: VirtualMachine): ThreadPorts {
  return {
    now: () => thread.now(),
    wall: () => thread.wall(),
    setTimer: (fire, ms) => thread.setTimer(fire, ms),
    random: () => 0.5,
  }
}

/** A worker that was started: the real thread, on one of virtual time. */
export interface VirtualWorker {
  readonly machine: VirtualMachine
  readonly isTerminated: boolean
  /** It tells the page that it is broken or gone, and runs on. */
  fail(reason: string): void
}

export interface VirtualWorkersOptions {
  readonly time: VirtualTime
  readonly page: VirtualMachine
  /** What carries the requests of a worker. */
  readonly sendFrom: (worker: VirtualMachine) => Send
  /** How many there are to choose from, the first of them built in. Default 1. */
  readonly choices?: number
  /** What becomes of each that is started, in order. Default: it runs. */
  readonly starts?: readonly WorkerStart[]
}

/** The workers of one page. Messages take no time, but come in a task of their own. */
export class VirtualWorkers {
  /** Those that were started, in order. */
  readonly started: VirtualWorker[] = []
  /** Which choice was tried each time. */
  readonly tried: number[] = []
  readonly choices: readonly WorkerChoice[]
  readonly #options: VirtualWorkersOptions

  constructor(options: VirtualWorkersOptions) {
    this.#options = options
    this.choices = Array.from({ length: options.choices ?? 1 }, (_, index) => ({
      spawn: (listeners) => this.#spawn(index, listeners),
      isBuiltIn: index === 0,
    }))
  }

  #spawn(choice: number, listeners: SpawnListeners): SpawnedWorker {
    const { time, sendFrom, starts = [] } = this.#options
    const start = starts[this.tried.length] ?? 'runs'
    this.tried.push(choice)
    if (start === 'throws') throw new Error(`choice ${choice} is insecure`)
    const machine = new VirtualMachine(time)
    let isTerminated = false
    this.started.push({
      machine,
      get isTerminated() {
        return isTerminated
      },
      fail: (reason) => listeners.failed(reason),
    })
    const thread = new WorkerThread({
      ...portsOf(machine),
      sendTo: () => sendFrom(machine),
      post: (message) => this.#toPage(() => listeners.message(message)),
    })
    if (start === 'is forbidden') this.#toPage(() => listeners.failed(`choice ${choice} is forbidden`))
    return {
      post: (message: Stamped<ToWorker>) => {
        if (start === 'runs') time.setTimer(() => machine.run(() => isTerminated || thread.hear(message)), 0)
      },
      terminate: () => {
        isTerminated = true
        machine.freeze()
      },
    }
  }

  #toPage(task: () => void): void {
    const { time, page } = this.#options
    time.setTimer(() => page.run(task), 0)
  }
}
