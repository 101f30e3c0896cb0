import { type Acquisition, ClassicServerFound } from './acquisition.ts'
import { abandonable } from './async.ts'
import { isAnswer, isOwned, member, type ReadReply, readReply } from './calls.ts'
import { releaseLateGrant } from './classic-acquisition.ts'
import type { Instant } from './clock.ts'
import type { WireReply } from './ports.ts'
import { classicTerm } from './term.ts'

/** What a server answers to a POST that it does not know. */
const UNKNOWN_TO_CLASSIC: ReadonlySet<number> = new Set([404, 405, 501])

/**
 * Reads the first reply of a server whose dialect is not known. Throws {@link ClassicServerFound} if it is a classic
 * one; anything else is left to the caller.
 *
 * The request is never cut off: a classic server that took the POST for a GET has no owner to cancel by, so what it
 * grants too late must be heard to be handed back.
 *
 * @param sentAt tells when the request that was answered went out.
 */
export async function detectDialect(
  acquisition: Acquisition,
  path: string,
  reply: Promise<WireReply>,
  sentAt: () => Instant,
): Promise<ReadReply> {
  const { connection, givenUp, background, leaseMs } = acquisition
  const answer = await abandonable(reply.then(readReply), givenUp, (late) => {
    if (isClassicYes(late)) background(releaseLateGrant(acquisition, classicTerm(sentAt(), leaseMs)))
  })
  if (isOwned(answer) || answer.problem !== null || connection.dialect === 'owned') return answer
  if (isAnswer(answer)) {
    throw new ClassicServerFound({ granted: isClassicYes(answer), term: classicTerm(sentAt(), leaseMs) })
  }
  if (UNKNOWN_TO_CLASSIC.has(answer.status)) {
    await connection.checkClassic(answer, path, givenUp)
    throw new ClassicServerFound(null)
  }
  return answer
}

function isClassicYes(read: ReadReply): boolean {
  return isAnswer(read) && !isOwned(read) && member(read.json, 'response') === true
}
