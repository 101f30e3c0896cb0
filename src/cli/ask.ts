import { isOwned, readReply, replyError } from '../core/calls.ts'
import type { WireRequest } from '../core/ports.ts'
import { fetchSend } from '../platform/fetch-send.ts'
import type { Target } from './client-settings.ts'

const TIMEOUT_MS = 10_000

/** Asks a lock server once, and brings the JSON of its answer. Rejects with a `LockableError` that says what is wrong. */
export async function ask<Reply>({ url, authToken }: Target, question: Omit<WireRequest, 'authToken'>): Promise<Reply> {
  const request = { ...question, authToken }
  const read = readReply(await fetchSend(url)(request, { timeoutMs: TIMEOUT_MS }))
  if (read.status === 200 && isOwned(read)) return read.json as Reply
  throw replyError(request, read)
}
