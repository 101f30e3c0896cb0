import type { HeartbeatHostOptions } from '../../src/core/heartbeat-host.ts'
import type { Stamped, ToPage, ToWorker } from '../../src/heartbeat/messages.ts'
import { SupervisedHost } from '../../src/heartbeat/supervised-host.ts'
import type { SpawnedWorker, SpawnListeners } from '../../src/heartbeat/worker-host.ts'
import { WorkerThread } from '../../src/heartbeat/worker-thread.ts'
import type { Kernel } from './kernel.ts'
import type { Machine } from './machine.ts'
import type { Random } from './random.ts'
import type { ClientPorts } from './tweaks.ts'

/** How long messages between two threads take at most, in ms: mostly, and when there is much to do. */
const QUICK_MS = 2
const SLOW_MS = 800
/** How long a thread goes on at most after it was told to end, in ms. */
const TERMINATION_MS = 50

export interface SimulatedWorkersOptions extends HeartbeatHostOptions {
  readonly kernel: Kernel
  readonly random: Random
  readonly machine: Machine
  /** What a thread of this machine is given. */
  readonly portsOf: (thread: Machine) => ClientPorts
}

/** One direction of a channel between two threads: nothing is lost, or overtakes. */
class Channel<Message> {
  readonly #options: SimulatedWorkersOptions
  readonly #to: Machine
  readonly #hear: (message: Stamped<Message>) => void
  #arrivesAt = 0

  constructor(options: SimulatedWorkersOptions, to: Machine, hear: (message: Stamped<Message>) => void) {
    this.#options = options
    this.#to = to
    this.#hear = hear
  }

  send(message: Stamped<Message>): void {
    const { kernel, random } = this.#options
    const delay = random.between(0, random.chance(0.1) ? SLOW_MS : QUICK_MS)
    this.#arrivesAt = Math.max(this.#arrivesAt, kernel.now + delay)
    kernel.after(this.#arrivesAt - kernel.now, () => this.#to.run(() => this.#hear(message)))
  }
}

/** The real host with real worker threads: only the threads themselves and the channels to them are simulated. */
export class SimulatedWorkers {
  readonly host: SupervisedHost
  readonly #options: SimulatedWorkersOptions
  #thread: Machine | null = null
  #listeners: SpawnListeners | null = null
  #started = 0

  constructor(options: SimulatedWorkersOptions) {
    this.#options = options
    const spawn = (listeners: SpawnListeners) => this.#spawn(listeners)
    this.host = new SupervisedHost({ ...options, url: '', choices: [{ spawn, isBuiltIn: true }] })
  }

  /** The thread dies, with a noise that is heard after `noticedMs`, unless it was missed before. */
  die(noticedMs: number): void {
    const { kernel, machine } = this.#options
    const listeners = this.#listeners
    this.stop()
    kernel.after(noticedMs, () => machine.run(() => listeners?.failed('the worker died')))
  }

  /** The thread dies without a noise. */
  stop(): void {
    this.#thread?.kill()
  }

  #spawn(listeners: SpawnListeners): SpawnedWorker {
    const { kernel, random, machine, portsOf } = this.#options
    this.#started += 1
    const thread = machine.thread(random.fork(this.#started))
    this.#thread = thread
    this.#listeners = listeners
    const toPage = new Channel<ToPage>(this.#options, machine, (each) => listeners.message(each))
    const { send, ...ports } = portsOf(thread)
    const worker = new WorkerThread({ ...ports, sendTo: () => send, post: (each) => toPage.send(each) })
    const toWorker = new Channel<ToWorker>(this.#options, thread, (each) => worker.hear(each))
    return {
      post: (each) => toWorker.send(each),
      terminate: () => void kernel.after(random.between(0, TERMINATION_MS), () => thread.kill()),
    }
  }
}
