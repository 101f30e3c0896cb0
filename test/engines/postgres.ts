import { execFile } from 'node:child_process'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findPostgres } from '../../scripts/find-programs.mjs'
import { makeEngineFolder, removeEngineFolder } from './engine-folder.ts'
import { freePort } from './free-port.ts'
import { GuardedProcess, type User } from './guarded-process.ts'
import { until } from './until.ts'

const run = promisify(execFile)

const ADMIN = 'lockable'
const HOST = '127.0.0.1'
/** What a primary calls its synchronous standby. */
const STANDBY_NAME = 'standby'
const MOST_RESTARTS = 20
/** Those that a server may run as that must not run as root, the best first. */
const UNPRIVILEGED = ['postgres', 'nobody']

export interface PostgresOptions {
  /** Whether what is committed is on disk; default true. */
  readonly fsync?: boolean
  /** More lines for `postgresql.conf`, as `max_connections = 20`. */
  readonly settings?: readonly string[]
}

/** A PostgreSQL server of its own: in a temporary folder, on a port of loopback, for whoever asks. */
export class Postgres {
  readonly #folder: string
  readonly #port: number
  readonly #user: User | null
  #process: GuardedProcess

  private constructor(folder: string, port: number, user: User | null) {
    this.#folder = folder
    this.#port = port
    this.#user = user
    this.#process = this.#start()
  }

  /** Resolves when it answers. Throws if there is no PostgreSQL on this machine. */
  static async start({ fsync = true, settings = [] }: PostgresOptions = {}): Promise<Postgres> {
    const user = await unprivilegedUser()
    const folder = await makeEngineFolder('postgres', user)
    const data = join(folder, 'data')
    await runProgram('initdb', folder, user, '-D', data, '-U', ADMIN, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N')
    const port = await freePort()
    const own = [
      "unix_socket_directories = ''",
      `fsync = ${fsync ? 'on' : 'off'}`,
      'shared_buffers = 32MB',
      ...settings,
    ]
    await configure(data, port, own)
    const postgres = new Postgres(folder, port, user)
    await postgres.#ready()
    return postgres
  }

  /** For any client. */
  get url(): string {
    return `postgres://${ADMIN}@${HOST}:${this.#port}/postgres`
  }

  get port(): number {
    return this.#port
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  /** SIGKILL to all of its processes at once: nothing is written any more, as when the power fails. */
  kill(): Promise<void> {
    return this.#process.kill()
  }

  /** Starts it again, after an orderly end if it still runs; resolves when it answers. */
  async restart(): Promise<void> {
    // "Fast": clients are disconnected, transactions are rolled back.
    await this.#process.end('SIGINT')
    this.#process = this.#start()
    await this.#ready()
  }

  /** SIGSTOP to the process that accepts connections; those that there are go on. */
  pause(): void {
    this.#process.signal('SIGSTOP')
  }

  resume(): void {
    this.#process.signal('SIGCONT')
  }

  /** Ends it for good and removes its folder. */
  async stop(): Promise<void> {
    // "Immediate": there is nothing that anybody wants to keep.
    await this.#process.end('SIGQUIT')
    await removeEngineFolder(this.#folder)
  }

  /**
   * Another server that has all that this one commits: from when this resolves on, no commit is acknowledged before the
   * standby has it on disk.
   */
  async startStandby(): Promise<Postgres> {
    const standby = await this.#copy()
    await query(this.url, `ALTER SYSTEM SET synchronous_standby_names = '${STANDBY_NAME}'`, 'SELECT pg_reload_conf()')
    await until('Synchronous replication', async () => {
      const [row] = await query(this.url, 'SELECT sync_state FROM pg_stat_replication')
      return row?.sync_state === 'sync'
    })
    return standby
  }

  /** Makes a standby a primary, without a standby. The one that it followed must be dead. Resolves when it takes writes. */
  async promote(): Promise<void> {
    await runProgram('pg_ctl', this.#folder, this.#user, 'promote', '-w', '-D', join(this.#folder, 'data'))
  }

  #start(): GuardedProcess {
    return new GuardedProcess({
      command: program('postgres'),
      args: ['-D', join(this.#folder, 'data')],
      cwd: this.#folder,
      log: join(this.#folder, 'log'),
      user: this.#user,
    })
  }

  async #ready(): Promise<void> {
    let restarts = 0
    const answers = async () => {
      // What a killed one has started may use its memory for a moment longer.
      if (!this.#process.isRunning && restarts < MOST_RESTARTS) {
        restarts += 1
        this.#process = this.#start()
      }
      return (await query(this.url, 'SELECT 1')).length === 1
    }
    await until('The start of PostgreSQL', answers, { every: 50, explain: () => this.#process.lastWords })
  }

  async #copy(): Promise<Postgres> {
    const folder = await makeEngineFolder('postgres', this.#user)
    const data = join(folder, 'data')
    const source = `host=${HOST} port=${this.#port} user=${ADMIN} application_name=${STANDBY_NAME}`
    // "-R": what it is to follow is written to its settings.
    await runProgram('pg_basebackup', folder, this.#user, '-D', data, '-d', source, '-R', '-X', 'stream', '-c', 'fast')
    const port = await freePort()
    await configure(data, port)
    // A standby that the primary had before is no standby of the copy.
    await appendFile(join(data, 'postgresql.auto.conf'), "synchronous_standby_names = ''\n")
    const copy = new Postgres(folder, port, this.#user)
    await copy.#ready()
    return copy
  }
}

/** Later lines outdo earlier ones, of the copied settings too. */
async function configure(data: string, port: number, settings: readonly string[] = []): Promise<void> {
  const lines = [`port = ${port}`, `listen_addresses = '${HOST}'`, ...settings]
  await appendFile(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`)
}

async function query(url: string, ...statements: readonly string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // The server may go at any time; the query says so.
  client.on('error', () => {})
  try {
    await client.connect()
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end().catch(() => {})
  }
}

function program(name: string): string {
  const folder = findPostgres()
  if (folder === null) throw new Error('There is no PostgreSQL on this machine: install it or set PG_BIN.')
  return join(folder, name)
}

async function runProgram(name: string, cwd: string, user: User | null, ...args: readonly string[]): Promise<void> {
  await run(program(name), args, { cwd, ...user })
}

/** Whom its processes belong to: `null` is us, but PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<User | null> {
  if (process.getuid?.() !== 0) return null
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const wanted of UNPRIVILEGED) {
    const [, , uid, gid] = lines.find(([name]) => name === wanted) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(`PostgreSQL refuses to run as root, and there is no user ${UNPRIVILEGED.join(' or ')} here.`)
}
