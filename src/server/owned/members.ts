import * as v from 'valibot'
import { type Json, type LockMode, MAX_INFO_BYTES, OWNER_PATTERN, type Steal } from '../../protocol/wire.ts'
import { quote } from '../http/problem-error.ts'

/** What is wrong with a member, in words that quote it. */
export type Complaint = (issue: v.BaseIssue<unknown>) => string

/** Turns what was sent into a value. */
export type Schema<Value> = v.GenericSchema<unknown, Value>

export function complaint(member: string, rule: string): Complaint {
  return ({ input }) => `${member} must be ${rule}; got ${quote(input)}.`
}

/** A secret is described and never quoted. */
function secret(member: string, use: string): Schema<string> {
  const wrong: Complaint = ({ input }) => {
    const got = typeof input === 'string' ? `a string of ${input.length} characters` : `a ${typeof input}`
    return `${member} must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ -, made afresh for each ${use}; got ${got}.`
  }
  return v.pipe(v.string(wrong), v.regex(OWNER_PATTERN, wrong))
}

export const owner: Schema<string> = secret('owner', 'acquisition')

export const session: Schema<string> = secret('session', 'session')

export const info: Schema<Json> = v.custom<Json>(
  isSmall,
  `info must be JSON of at most ${MAX_INFO_BYTES} bytes of UTF-8.`,
)

export const mode: Schema<LockMode> = v.picklist(['exclusive', 'shared'], complaint('mode', '"exclusive" or "shared"'))

export const ifAvailable: Schema<boolean> = v.boolean(complaint('if_available', 'true or false'))

export const steal: Schema<Steal> = v.picklist(['safe', 'now'], complaint('steal', '"safe" or "now"'))

export function wholeNumber(least: number, most: number, wrong: Complaint): Schema<number> {
  return v.pipe(v.number(wrong), v.safeInteger(wrong), v.minValue(least, wrong), v.maxValue(most, wrong))
}

function isSmall(info: unknown): boolean {
  try {
    return new TextEncoder().encode(JSON.stringify(info)).length <= MAX_INFO_BYTES
  } catch {
    // Nested so deeply that there is no stack left to write it out.
    return false
  }
}
