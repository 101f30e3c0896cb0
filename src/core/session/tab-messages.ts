import { OWNER_PATTERN } from '../../protocol/wire.ts'

/** Of whatever else is said on a channel of this name, by whatever version. */
const MARK = { lockable: 1 } as const

/** A tab tells which of its sessions wait, all of them. None: it does not listen any more. */
export interface Announcement {
  readonly type: 'waiting'
  /** Drawn by the tab for as long as it listens. */
  readonly tab: string
  /** By their secrets. */
  readonly sessions: readonly string[]
}

/** What tabs say to each other about the stream that one of them has opened for all. */
export type TabMessage =
  | Announcement
  /** Who opens the stream asks who waits. */
  | { readonly type: 'call' }
  /** The stream lives, and tells of these sessions. */
  | { readonly type: 'pulse'; readonly sessions: readonly string[] }
  /** The stream has told an event; its data, as it came. */
  | { readonly type: 'event'; readonly data: string }

/** The message as it goes over the channel. */
export function markedMessage(message: TabMessage): object {
  return { ...MARK, ...message }
}

/**
 * What came over the channel, or `null` if it is none of ours.
 *
 * What looks like a session goes into a request for all tabs, so it must not be anything that a server refuses.
 */
export function readTabMessage(message: unknown): TabMessage | null {
  if (typeof message !== 'object' || message === null) return null
  const { lockable, type, tab, sessions, data } = message as Readonly<Record<string, unknown>>
  if (lockable !== MARK.lockable) return null
  if (type === 'waiting') return typeof tab === 'string' && areSecrets(sessions) ? { type, tab, sessions } : null
  if (type === 'call') return { type }
  if (type === 'pulse') return areSecrets(sessions) ? { type, sessions } : null
  if (type === 'event') return typeof data === 'string' ? { type, data } : null
  return null
}

function areSecrets(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && OWNER_PATTERN.test(each))
}
