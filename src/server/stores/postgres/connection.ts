import type { Socket } from 'node:net'
import type { Client, QueryConfig, QueryResult } from 'pg'

const CONNECT_TIMEOUT_MS = 2_000

/** How long the database may take to say goodbye, in ms. */
const FAREWELL_MS = 1_000

export type Rows = readonly Readonly<Record<string, unknown>>[]

/** Makes a client that is not connected yet. */
export type CreateClient = () => Client

/** Loads the driver. Throws an `Error` that says what to do if it is not installed. */
export async function loadDriver(url: string): Promise<CreateClient> {
  try {
    const { default: pg } = await import('pg')
    return () =>
      new pg.Client({
        connectionString: url,
        application_name: 'lockable',
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
      })
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const why = isMissing ? 'it is not installed' : `it cannot be loaded: ${messageOf(cause)}`
    throw new Error(
      `A store in PostgreSQL needs the package pg, and ${why}. Install it beside lockable: npm install pg@8`,
      {
        cause,
      },
    )
  }
}

/** One connection, made anew when it is needed and has broken. */
export class Connection {
  readonly #createClient: CreateClient
  readonly #greeting: string
  readonly #notified: () => void
  #client: Promise<Client> | null = null
  #isClosed = false

  /**
   * @param greeting SQL that a new connection begins with.
   * @param notified called for each notification of somebody else, and whenever some may have been missed.
   */
  constructor(createClient: CreateClient, greeting: string, notified: () => void) {
    this.#createClient = createClient
    this.#greeting = greeting
    this.#notified = notified
  }

  /**
   * Sends statements as one transaction. Returns the rows of each. A rejection leaves it open whether it was carried out.
   *
   * @param timeoutMs how long it may take.
   */
  async query(sql: string, timeoutMs: number): Promise<Rows[]> {
    if (this.#isClosed) throw new Error('the connection is closed')
    this.#client ??= this.#connect()
    const client = this.#client
    try {
      const result: QueryResult | QueryResult[] = await (await client).query(asOne(sql, timeoutMs))
      return (Array.isArray(result) ? result : [result]).map(({ rows }) => rows)
    } catch (error) {
      // What it still does is not known, so that the next statement must not go there.
      if (this.#client === client) this.#drop()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const client = this.#client
    this.#client = null
    await client?.then(hangUp, () => undefined)
  }

  async #connect(): Promise<Client> {
    const client = this.#createClient()
    let processId: number | null = null
    // Without a listener it would end the process.
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    client.on('notification', (message) => {
      if (message.processId !== processId) this.#notified()
    })
    try {
      await client.connect()
      const hello = asOne(`SELECT pg_backend_pid() AS pid, ${IS_STANDBY}`, CONNECT_TIMEOUT_MS)
      const { rows } = await client.query(hello)
      checkPrimary(rows)
      processId = Number(rows[0]?.pid)
      await client.query(asOne(this.#greeting, CONNECT_TIMEOUT_MS))
      this.#notified()
      return client
    } catch (error) {
      cut(client)
      throw error
    }
  }

  #lost(client: Client): void {
    const current = this.#client
    void current?.then(
      (connected) => {
        if (connected === client && this.#client === current) this.#client = null
      },
      () => undefined,
    )
    this.#notified()
  }

  #drop(): void {
    const client = this.#client
    this.#client = null
    client?.then(cut, () => undefined)
  }
}

/** Ends a connection in good order, or without it where the other side does not answer. */
async function hangUp(client: Client): Promise<void> {
  const late = new Promise((resolve) => AbortSignal.timeout(FAREWELL_MS).addEventListener('abort', resolve))
  await Promise.race([client.end(), late]).catch(() => undefined)
  cut(client)
}

/** Ends a connection at once. The driver itself would wait for the other side. */
function cut(client: Client): void {
  const { connection } = client as Client & { readonly connection?: { readonly stream?: Socket } }
  connection?.stream?.destroy()
}

/** A column for {@link checkPrimary}. */
export const IS_STANDBY = 'pg_is_in_recovery() AS is_standby'

/** Throws unless the first row says that this is no standby: there what is read may be old. */
export function checkPrimary(rows: Rows | undefined): void {
  if (rows?.[0]?.is_standby === false) return
  throw new Error('This PostgreSQL is a standby, which may be behind: give the address of the primary.')
}

/** The driver knows a time limit for each query, and its types do not. */
function asOne(text: string, timeoutMs: number): QueryConfig {
  const config = { text, query_timeout: timeoutMs }
  return config
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
