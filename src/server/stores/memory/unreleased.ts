import type { EndReason } from '../../../protocol/wire.ts'
import type { Session } from './session.ts'

/** Owners of a session that are over and not released: found by those who release one without naming its session. */
export class Unreleased {
  readonly #sessions = new Map<string, Session>()

  add(name: string, owner: string, session: Session): void {
    this.#sessions.set(key(name, owner), session)
  }

  remove(name: string, owner: string): void {
    this.#sessions.delete(key(name, owner))
  }

  /** Why `owner` is over, or `null` if it is none of these. */
  find(name: string, owner: string): EndReason | null {
    return this.#sessions.get(key(name, owner))?.endOf(owner) ?? null
  }

  /** Its session tells of it no more. */
  release(name: string, owner: string): void {
    this.#sessions.get(key(name, owner))?.acknowledge(owner)
    this.remove(name, owner)
  }
}

// Neither names nor owners contain control characters.
function key(name: string, owner: string): string {
  return `${name}\0${owner}`
}
