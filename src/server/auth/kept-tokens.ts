import { base64url } from 'jose'
import type { ServerClock } from '../clock.ts'
import { BoundedMap } from '../stores/memory/bounded-map.ts'
import { type Access, createAccess } from './access.ts'
import { idOf, subjectOf, type TokenRecord } from './token-record.ts'
import { isSame, sha256 } from './web-crypto.ts'

/** Tokens that may come and go while the server runs. */
export interface TokenSource {
  /** All there are now, those that have expired or are revoked as well. */
  read(): readonly TokenRecord[]
  /** Calls `listener` whenever they have changed. Returns a function that ends it. */
  watch(listener: () => void): () => void
}

interface Known {
  readonly record: TokenRecord
  readonly digest: Uint8Array
  readonly access: Access
  isRevoked: boolean
}

/** Tokens that have gone are known for what they still hold, the latest so many. */
const MOST_GONE = 10_000

/** Compared with where there is no token of that id, so that this takes as long. */
const DUMMY_DIGEST = new Uint8Array(32)

/** The tokens of a source, and for what they hold those that were there. */
export class KeptTokens {
  readonly #clock: ServerClock
  readonly #source: TokenSource
  #known: ReadonlyMap<string, Known> = new Map()
  readonly #gone = new BoundedMap<Known>(MOST_GONE)

  constructor(clock: ServerClock, source: TokenSource) {
    this.#clock = clock
    this.#source = source
    this.update()
  }

  /** Takes in what the source has now. Returns the subjects whose leases must end: of tokens that are revoked or gone. */
  update(): string[] {
    const before = this.#known
    this.#known = new Map(this.#source.read().map((record) => [record.id, asKnown(record, this.#clock)]))
    const ended = [...before.values()].filter(({ record, isRevoked }) => {
      return !isRevoked && (this.#known.get(record.id)?.isRevoked ?? true)
    })
    for (const known of ended) {
      known.isRevoked = true
      if (!this.#known.has(known.record.id)) this.#gone.set(known.record.id, known)
    }
    return ended.map(({ record }) => subjectOf(record))
  }

  /** The subjects of all tokens that are there and revoked. */
  revoked(): string[] {
    return [...this.#known.values()].filter(({ isRevoked }) => isRevoked).map(({ record }) => subjectOf(record))
  }

  /** What `token` gives, or `null` if it is not and was not one of these. */
  async find(token: string): Promise<Access | null> {
    const id = idOf(token)
    if (id === null) return null
    const known = this.#known.get(id) ?? this.#gone.get(id)
    const isRight = isSame(await sha256(token), known?.digest ?? DUMMY_DIGEST)
    return known !== undefined && isRight ? known.access : null
  }
}

function asKnown(record: TokenRecord, clock: ServerClock): Known {
  const { namespace, prefixes, maxLeaseMs = null, quota = {} } = record
  const known: Known = {
    record,
    digest: base64url.decode(record.hash),
    isRevoked: record.revoked !== undefined,
    access: createAccess({
      namespace,
      subject: subjectOf(record),
      rights: new Set(record.rights),
      locks: prefixes === undefined ? null : { names: new Set(), prefixes },
      maxLeaseMs,
      quota: { locks: quota.locks ?? null, waiters: quota.waiters ?? null },
      lapse: () => lapseOf(known, clock.wall()),
    }),
  }
  return known
}

function lapseOf({ record, isRevoked }: Known, wall: number): string | null {
  if (isRevoked) return 'The token was revoked'
  return record.expires !== undefined && record.expires <= wall ? 'The token has expired' : null
}
