import type { HolderView, Json } from '../protocol/wire.ts'

/** Who holds, as one short text. What holders say of themselves may be anything. */
export function describeHolders(holders: readonly HolderView[]): string {
  if (holders.length === 0) return 'nobody'
  const [first, ...others] = holders
  const named = first === undefined ? '' : describeInfo(first.info)
  return others.length === 0 ? named : `${named} and ${others.length} more`
}

/** What a holder says of itself. */
export function describeInfo(info: Json): string {
  if (info === null) return 'somebody'
  return printable(typeof info === 'string' ? info : JSON.stringify(info))
}

/** Without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** `ms` for people, in the unit that says most. */
export function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`
}
