import type { HolderView, Json, LockMode } from '../index.ts'

/** Somebody who holds a lock, as others may see it. It does not change while the same one holds. */
export interface Holder {
  /** What the holder says of itself (`info`). */
  readonly info: Json
  readonly mode: LockMode
  /** Since when it holds, in wall-clock ms of this device. */
  readonly since: number
}

/** By how much two replies may differ in since when the same holder holds, in ms: replies take their time. */
const SAME_HOLDER_MS = 2000

/** The holders of a reply seen at `seenAt` (wall-clock ms): `previous` where they are the same. */
export function holdersOf(
  views: readonly HolderView[],
  seenAt: number,
  previous: readonly Holder[],
): readonly Holder[] {
  const holders = views.map(({ info, mode, since_ms }, index) => {
    const next: Holder = { info, mode, since: seenAt - since_ms }
    const before = previous[index]
    return before !== undefined && isSame(before, next) ? before : next
  })
  const unchanged = holders.length === previous.length && holders.every((holder, index) => holder === previous[index])
  return unchanged ? previous : holders
}

function isSame(a: Holder, b: Holder): boolean {
  return (
    a.mode === b.mode &&
    Math.abs(a.since - b.since) < SAME_HOLDER_MS &&
    JSON.stringify(a.info) === JSON.stringify(b.info)
  )
}
