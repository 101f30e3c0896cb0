import type { ListStep, LockPage, LockState, Snapshot } from '../../store.ts'
import type { Space } from './space.ts'

/** The most locks that are listed at once, and the most holders of all of them: each may have 1 KiB of `info`. */
const MOST_LISTED = 1_000

/** How a lock stands at present; `null`: nobody holds or waits any more. */
type Look = (name: string) => LockState | null

/** The first locks of a namespace that are held or waited for, by name. */
export function query(space: Space, prefix: string, look: Look): Snapshot {
  const { locks, next } = list(space, { prefix, after: null, limit: MOST_LISTED }, look)
  return {
    kind: 'snapshot',
    locks: locks.map(({ name, holders, waiters }) => ({ name, holders, waiters })),
    isTruncated: next !== null,
  }
}

/** A page of the locks of a namespace that are held or waited for, by name. */
export function list(space: Space, step: Omit<ListStep, 'namespace'>, look: Look): LockPage {
  const limit = Math.min(step.limit, MOST_LISTED)
  const locks: (LockState & { readonly name: string })[] = []
  // More than are listed, since some of them may turn out to be free by now.
  const names = smallest(namesAfter(space, step), 2 * limit)
  let holders = 0
  for (const name of names) {
    const state = look(name)
    if (state === null) continue
    holders += state.holders.length
    if (locks.length === limit || holders > MOST_LISTED) return { locks, next: locks.at(-1)?.name ?? null }
    locks.push({ name, ...state })
  }
  return { locks, next: names.length === 2 * limit ? (names.at(-1) ?? null) : null }
}

function* namesAfter(space: Space, { prefix, after }: Omit<ListStep, 'namespace'>): Generator<string> {
  for (const name of space.names()) {
    if (name.startsWith(prefix) && (after === null || name > after)) yield name
  }
}

/** The first `most` names, in order, without sorting all of them. */
function smallest(names: Iterable<string>, most: number): string[] {
  let kept: string[] = []
  let largest: string | undefined
  for (const name of names) {
    if (largest !== undefined && name > largest) continue
    kept.push(name)
    if (kept.length < 2 * most) continue
    kept = kept.sort().slice(0, most)
    largest = kept.at(-1)
  }
  return kept.sort().slice(0, most)
}
