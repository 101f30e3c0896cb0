import { join } from 'node:path'
import { findEtcd } from '../../scripts/find-programs.mjs'
import { makeEngineFolder, removeEngineFolder } from './engine-folder.ts'
import { freePort } from './free-port.ts'
import { GuardedProcess } from './guarded-process.ts'
import { until } from './until.ts'

const HOST = '127.0.0.1'
/** ms; one that is stopped never answers. */
const ANSWER_MS = 2_000

export interface EtcdOptions {
  /** Default 1. */
  readonly members?: 1 | 3
  /** More arguments for each member, as `--auto-compaction-retention=1`. */
  readonly args?: readonly string[]
}

/** A cluster of etcd of its own: in a temporary folder, on ports of loopback, for whoever asks. */
export class Etcd {
  readonly members: readonly EtcdMember[]
  readonly #folder: string

  private constructor(folder: string, members: readonly EtcdMember[]) {
    this.#folder = folder
    this.members = members
  }

  /** Resolves when all members answer and have a leader. Throws if there is no etcd on this machine. */
  static async start({ members: count = 1, args = [] }: EtcdOptions = {}): Promise<Etcd> {
    const folder = await makeEngineFolder('etcd')
    const places: Place[] = []
    for (let index = 0; index < count; index += 1) {
      places.push({ name: `m${index}`, clientPort: await freePort(), peerPort: await freePort() })
    }
    const cluster = places.map(({ name, peerPort }) => `${name}=http://${HOST}:${peerPort}`).join(',')
    const members = places.map((place) => new EtcdMember(folder, place, ['--initial-cluster', cluster, ...args]))
    const etcd = new Etcd(folder, members)
    await Promise.all(members.map((member) => member.ready()))
    return etcd
  }

  /** Where each member answers, as `http://127.0.0.1:2379`. */
  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint)
  }

  /** All endpoints, as `--store` takes them. */
  get url(): string {
    return `etcd://${this.members.map(({ port }) => `${HOST}:${port}`).join(',')}`
  }

  /** Waits until a majority has one that answers. */
  leader(): Promise<EtcdMember> {
    return until('The election of a leader', async () => {
      const claims = await Promise.all(this.members.map((member) => member.leads().catch(() => false)))
      return this.members.find((_, index) => claims[index])
    })
  }

  /** Ends it for good and removes its folder. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
    await removeEngineFolder(this.#folder)
  }
}

interface Place {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
}

/** One server of a cluster. */
export class EtcdMember {
  readonly name: string
  readonly port: number
  readonly #start: () => GuardedProcess
  #process: GuardedProcess

  constructor(folder: string, { name, clientPort, peerPort }: Place, args: readonly string[]) {
    this.name = name
    this.port = clientPort
    const own = ['--name', name, '--data-dir', join(folder, name), '--log-level', 'warn']
    this.#start = () =>
      new GuardedProcess({
        command: program(),
        args: [...own, ...listening('client', clientPort), ...listening('peer', peerPort), ...args],
        cwd: folder,
        log: join(folder, `${name}.log`),
      })
    this.#process = this.#start()
  }

  get endpoint(): string {
    return `http://${HOST}:${this.port}`
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#process.kill()
  }

  /** Starts it again, after an orderly end if it still runs; resolves when it answers and knows a leader. */
  async restart(): Promise<void> {
    await this.#process.end()
    this.#process = this.#start()
    await this.ready()
  }

  /** SIGSTOP: it is silent, and its connections stay open. */
  pause(): void {
    this.#process.signal('SIGSTOP')
  }

  resume(): void {
    this.#process.signal('SIGCONT')
  }

  /** Resolves when it answers and knows a leader. */
  async ready(): Promise<void> {
    const isHealthy = async () => {
      const response = await fetch(`${this.endpoint}/health`, { signal: AbortSignal.timeout(ANSWER_MS) })
      return ((await response.json()) as { health: unknown }).health === 'true'
    }
    await until(`The start of etcd's ${this.name}`, isHealthy, { explain: () => this.#process.lastWords })
  }

  /** Whether it says that it is the leader; rejects if it does not answer. */
  async leads(): Promise<boolean> {
    const response = await fetch(`${this.endpoint}/v3/maintenance/status`, {
      method: 'POST',
      body: '{}',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const { header, leader } = (await response.json()) as { header: { member_id: string }; leader?: string }
    return leader === header.member_id
  }
}

function listening(whom: 'client' | 'peer', port: number): string[] {
  const url = `http://${HOST}:${port}`
  const advertised = whom === 'client' ? '--advertise-client-urls' : '--initial-advertise-peer-urls'
  return [`--listen-${whom}-urls`, url, advertised, url]
}

function program(): string {
  const path = findEtcd()
  if (path === null) throw new Error('There is no etcd on this machine: install it or set ETCD_PATH.')
  return path
}
