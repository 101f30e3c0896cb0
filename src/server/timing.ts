/** How long a waiter keeps its place after the end of its last poll, in ms. */
export const TICKET_MS = 5_000

/** How long a grant out of the queue lives until its first heartbeat, in ms; shorter if the lease is. */
export const CLAIM_MS = 5_000

/** The least time for which a finished owner is remembered, in ms. */
export const TOMBSTONE_MS: number = 5 * 60_000

/** What a client that met a shutdown or a full server is told to wait, in ms. */
export const RETRY_AFTER_MS = 1_000
