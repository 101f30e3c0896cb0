/** Who is told by a stream. */
export interface NewsListener {
  /** The stream lives, and tells of these sessions; by their secrets. */
  heard(sessions: ReadonlySet<string>): void
  /** It has told an event; its data, as it came. */
  told(data: string): void
  /** Another tab says that it has. */
  hinted(data: string): void
}

/** A stream for the sessions that wait, whoever opens it. */
export interface NewsSource {
  /** Nothing comes any more: whoever waits needs another one. */
  readonly isOver: boolean
  /** Tells which sessions wait, by their secrets, whenever that changes. With none it may end. */
  wait(sessions: ReadonlySet<string>): void
  /** Nothing is told of some that wait: says again that they do, where somebody may not know. */
  remind(): void
  /** Ends it at once. */
  close(): void
}
