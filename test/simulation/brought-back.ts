import type { Inherited, InheritedHold, InheritedSession } from '../../src/server/stores/memory/inherited.ts'

/** What a store comes back with. */
export type BroughtBack = Pick<Inherited, 'sessions' | 'holds'>
export type BroughtSession = InheritedSession
export type BroughtHold = InheritedHold

export const NOTHING_BROUGHT: BroughtBack = { sessions: [], holds: [] }
