import { ProblemError, quote } from '../http/problem-error.ts'

/**
 * `lock`: acquire, wait and release. `inspect`: status, lists and queries. `watch`: follow changes. `steal`: take over
 * from a holder. `admin`: end other holders' leases by force.
 */
export type Right = 'lock' | 'inspect' | 'watch' | 'steal' | 'admin'

/** All rights there are. */
export const RIGHTS: readonly Right[] = ['lock', 'inspect', 'watch', 'steal', 'admin']

/** The namespace of tokens that name none, and of an open server. */
export const DEFAULT_NAMESPACE = ''

/** What a request may do. */
export interface Access {
  readonly namespace: string
  /** Who asks: for revocation, quotas; `null` on an open server. Never a secret. */
  readonly subject: string | null
  /**
   * Throws the problem `forbidden` that names the right (and the lock) that is missing; without a name, the right to
   * every name is needed.
   */
  check(right: Right, name?: string): void
  /** Whether {@link Access.check} would not throw. */
  allows(right: Right, name: string): boolean
  /** As {@link Access.check}, for all names that begin with `prefix`. */
  checkPrefix(right: Right, prefix: string): void
  /** Longest lease and longest hold, in ms; `null`: no bound but the server's. */
  readonly maxLeaseMs: number | null
  readonly maxHoldMs: number | null
  readonly quota: Quota
  /**
   * Why nothing new is granted by it any more, or `null`. What is held can be renewed and released all the same; both
   * checks throw the problem `unauthenticated`.
   */
  readonly lapse: string | null
}

/** How many locks a subject may hold and wait for at once, and for how many of these wait; `null`: the store's bound. */
export interface Quota {
  readonly locks: number | null
  readonly waiters: number | null
}

/** A set of names: exact ones, and all that begin with one of the prefixes. */
export interface NameRule {
  readonly names: ReadonlySet<string>
  readonly prefixes: readonly string[]
}

/** What an access consists of. What is left out does not bound. */
export interface AccessGrant {
  readonly namespace: string
  readonly subject: string | null
  readonly rights: ReadonlySet<Right>
  /** `null`: every name. */
  readonly locks?: NameRule | null
  readonly maxLeaseMs?: number | null
  readonly maxHoldMs?: number | null
  readonly quota?: Quota
  /** Says now why nothing new is granted, or `null`: a request may take its time meanwhile. Default: all is granted. */
  readonly lapse?: () => string | null
}

/** The access that `grant` gives. */
export function createAccess(grant: AccessGrant): Access {
  const { namespace, subject, rights, locks = null, maxLeaseMs = null, maxHoldMs = null } = grant
  const { quota = { locks: null, waiters: null }, lapse = () => null } = grant
  return {
    namespace,
    subject,
    maxLeaseMs,
    maxHoldMs,
    quota,
    get lapse() {
      return lapse()
    },
    allows: (right, name) => lapse() === null && rights.has(right) && (locks === null || covers(locks, name)),
    check(right, name) {
      const isCovered = locks === null || (name !== undefined && covers(locks, name))
      demand(right, isCovered, name === undefined ? 'every lock' : quote(name))
    },
    checkPrefix(right, prefix) {
      const isCovered = locks === null || locks.prefixes.some((allowed) => prefix.startsWith(allowed))
      demand(right, isCovered, `all names that begin with ${quote(prefix)}`)
    },
  }

  function demand(right: Right, isCovered: boolean, what: string): void {
    checkGood({ lapse: lapse() })
    if (isCovered && rights.has(right)) return
    throw new ProblemError(
      'forbidden',
      `The token does not have the right "${right}" for ${what}: ask with one that has.`,
    )
  }
}

/** Throws the problem `unauthenticated` if nothing new is granted by it any more. */
export function checkGood({ lapse }: Pick<Access, 'lapse'>): void {
  if (lapse === null) return
  throw new ProblemError('unauthenticated', `${lapse}: ask with another one.`, {
    'WWW-Authenticate': 'Bearer realm="lockable"',
  })
}

/** Everybody may do everything. */
export const OPEN_ACCESS: Access = createAccess({
  namespace: DEFAULT_NAMESPACE,
  subject: null,
  rights: new Set(RIGHTS),
})

/** The lease that is granted where one of `leaseMs` is asked for. */
export function boundLease(leaseMs: number, { maxLeaseMs }: Access): number {
  return maxLeaseMs === null ? leaseMs : Math.min(leaseMs, maxLeaseMs)
}

function covers({ names, prefixes }: NameRule, name: string): boolean {
  return names.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
}
