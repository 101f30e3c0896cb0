import type { Snapshot } from '../../store.ts'
import type { Space } from './space.ts'

/** The most locks that are listed, and the most holders of all of them: each may have 1 KiB of `info`. */
const MOST_LISTED = 1_000

/** What a query tells of one lock. */
export type Listed = Snapshot['locks'][number]

/**
 * The locks of a namespace that are held or waited for, by name.
 *
 * @param look how a lock stands at present; `null`: nobody holds or waits any more.
 */
export function query(space: Space, prefix: string, look: (name: string) => Listed | null): Snapshot {
  const locks: Listed[] = []
  // More than are listed, since some of them may turn out to be free by now.
  const names = smallest(space.names(), prefix, 2 * MOST_LISTED)
  let holders = 0
  for (const name of names) {
    const listed = look(name)
    if (listed === null) continue
    holders += listed.holders.length
    if (locks.length === MOST_LISTED || holders > MOST_LISTED) return { kind: 'snapshot', locks, isTruncated: true }
    locks.push(listed)
  }
  return { kind: 'snapshot', locks, isTruncated: names.length === 2 * MOST_LISTED }
}

/** The first `most` of those names that begin with `prefix`, in order, without sorting all of them. */
function smallest(names: Iterable<string>, prefix: string, most: number): string[] {
  let kept: string[] = []
  let largest: string | undefined
  for (const name of names) {
    if (!name.startsWith(prefix) || (largest !== undefined && name > largest)) continue
    kept.push(name)
    if (kept.length < 2 * most) continue
    kept = kept.sort().slice(0, most)
    largest = kept.at(-1)
  }
  return kept.sort().slice(0, most)
}
