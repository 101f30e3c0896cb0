import { type Flag, type Flags, variableOf } from './flags.ts'

/** What the help of a command consists of, besides its flags. */
export interface Help {
  /** What follows `lockable`. */
  readonly usage: string
  /** In a few words, for the list of commands. */
  readonly summary: string
  /** What it does, above its flags. */
  readonly about: string
  readonly flags: Flags
  /** What there is to know besides, below its flags. */
  readonly notes: string
}

/** The text of `lockable --help`. */
export function mainHelp(commands: readonly Pick<Help, 'usage' | 'summary'>[]): string {
  const rows = [
    ...commands.map(({ usage, summary }) => [`lockable ${usage}`, summary] as const),
    ['lockable COMMAND --help', 'what a command takes'] as const,
    ['lockable --version', 'the version of the package'] as const,
  ]
  return `lockable: named locks with leases over HTTP.

Usage:
${columns(rows)}

Each setting is a flag, an environment variable, and a key of the JSON file that --config FILE names: --max-wait is
${variableOf('max-wait')}, and "max-wait" in the file. A flag goes before a variable, and a variable before the file.
`
}

/** The text of `lockable COMMAND --help`. */
export function commandHelp({ usage, about, flags, notes }: Help): string {
  return `Usage: lockable ${usage}

${about}

${describeFlags(flags)}

${describePlaces(flags)}

${notes}
`
}

function describePlaces(flags: Flags): string {
  const [name = ''] = Object.keys(flags).filter((each) => flags[each]?.place === undefined)
  return `What is not about this one call is a variable too, as ${variableOf(name)} for --${name}, and a key of the file.`
}

function describeFlags(flags: Flags): string {
  const entries = Object.entries(flags)
  const onLine = entries.filter(([, { place }]) => place !== 'hidden').map(rowOfFlag)
  const hidden = entries.filter(([, { place }]) => place === 'hidden')
  const variables = hidden.map(([name, { description }]) => [variableOf(name), description] as const)
  return columns([...onLine, ...variables])
}

function rowOfFlag([name, flag]: [string, Flag<unknown>]): readonly [string, string] {
  const { placeholder, letter, description, fallback } = flag
  const long = `--${name}${placeholder === null ? '' : ` ${placeholder}`}`
  return [
    `${letter === undefined ? '    ' : `-${letter}, `}${long}`,
    fallback === undefined ? description : `${description} (${fallback})`,
  ]
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
