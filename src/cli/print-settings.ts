import type { Flag, Flags } from './flags.ts'
import type { Said } from './settings.ts'

/** What is in force, one setting a line, with where it comes from; nothing that is secret. */
export function printSettings(flags: Flags, said: ReadonlyMap<string, Said>): string {
  const rows = Object.entries(flags)
    .filter(([, { place }]) => place !== 'line')
    .map(([name, flag]) => [name, ...describe(flag, said.get(name))] as const)
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map(([name, value, source]) => `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${source}\n`)
    .join('')
}

function describe(flag: Flag<unknown>, said: Said | undefined): [value: string, source: string] {
  if (said === undefined) return [flag.fallback ?? (flag.placeholder === null ? 'false' : '-'), 'default']
  if (flag.place === 'hidden') return [`${said.texts.length}, not shown`, said.source]
  const texts = flag.isList ? said.texts : said.texts.slice(-1)
  return [texts.map((text) => flag.show?.(text) ?? text).join(', '), said.source]
}
