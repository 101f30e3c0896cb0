import { parseArgs } from 'node:util'
import { nearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'
import type { ReadValue } from './values.ts'

/** A setting of a command: a flag, an environment variable and a key of the config file, with one name. */
export interface Flag<Value> {
  /** What the help calls the value; `null` for a switch, which takes none. */
  readonly placeholder: string | null
  readonly description: string
  /** Whether there may be several values; between commas in the variable, as a list in the file. */
  readonly isList: boolean
  readonly read: ReadValue<Value>
  /** A short form: `n` for `-n`. */
  readonly letter?: string
  /** What holds if nothing is said, as it would be written; only told to people. */
  readonly fallback?: string
  /**
   * `line`: only a flag, since it is about this one call. `hidden`: no flag, since the arguments of a process can be seen
   * by others; its value is never shown. Default: a flag, a variable and a key.
   */
  readonly place?: 'line' | 'hidden'
  /** The value without what is secret in it. Default: all of it. */
  readonly show?: (text: string) => string
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** The values of a flag in the order given; none if it was left out. */
export type Values<Given extends Flags> = { [Name in keyof Given]: ReturnType<Given[Name]['read']>[] }

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment variable of a flag: `LOCKABLE_MAX_WAIT` for `max-wait`. */
export function variableOf(name: string): string {
  return `${VARIABLE_PREFIX}${name.toUpperCase().replaceAll('-', '_')}`
}

/** What all variables of the commands begin with. */
export const VARIABLE_PREFIX = 'LOCKABLE_'

/** What a command line consists of. */
export interface CommandLine {
  /** The texts of the flags that are there, by name, in order. */
  readonly texts: ReadonlyMap<string, readonly string[]>
  /** The arguments that are no flags, before a `--`. */
  readonly words: readonly string[]
  /** All that comes after the first `--`; `null` without one. */
  readonly rest: readonly string[] | null
}

/** Takes a command line apart. Throws a {@link UsageError} for a flag that is not known or has no value. */
export function readCommandLine(flags: Flags, args: readonly string[]): CommandLine {
  const end = endOfFlags(flags, args)
  const { tokens } = parseArgs({
    args: args.slice(0, end),
    options: parseOptions(flags),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const texts = new Map<string, string[]>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    texts.set(token.name, [...(texts.get(token.name) ?? []), textOf(flags, token)])
  }
  return { texts, words, rest: end < args.length ? args.slice(end + 1) : null }
}

/** Reads the flags of a command that takes nothing else. Throws a {@link UsageError}. */
export function readFlags<Given extends Flags>(flags: Given, args: readonly string[]): Values<Given> {
  const line = readCommandLine(flags, args)
  refuseWords(line)
  const values = Object.entries(flags).map(([name, flag]) => {
    return [name, (line.texts.get(name) ?? []).map((text) => flag.read(text, `--${name}`))]
  })
  return Object.fromEntries(values)
}

/** Throws a {@link UsageError} if there is anything but flags. */
export function refuseWords({ words, rest }: CommandLine): void {
  const [word] = [...words, ...(rest ?? [])]
  if (word === undefined) return
  throw new UsageError(`Unexpected argument ${JSON.stringify(word)}: flags begin with --.`)
}

/** The index of the `--` that ends the flags, which is no value of one; the length of `args` without one. */
function endOfFlags(flags: Flags, args: readonly string[]): number {
  const { tokens } = parseArgs({
    args: [...args],
    options: parseOptions(flags),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  return tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? args.length
}

function parseOptions(flags: Flags): Record<string, { type: 'boolean' | 'string'; short?: string }> {
  const onLine = Object.entries(flags).filter(([, { place }]) => place !== 'hidden')
  const options = onLine.map(([name, { placeholder, letter }]) => {
    const type = placeholder === null ? ('boolean' as const) : ('string' as const)
    return [name, { type, ...(letter !== undefined && { short: letter }) }] as const
  })
  return Object.fromEntries(options)
}

function textOf(flags: Flags, { name, rawName, value, inlineValue }: OptionToken): string {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
  if (flag === undefined) throw unknownFlag(flags, rawName)
  if (flag.place === 'hidden') {
    throw new UsageError(
      `${rawName} is no flag, since others can see the arguments of a process: set ${variableOf(name)}.`,
    )
  }
  if (flag.placeholder === null) return value ?? 'true'
  if (value !== undefined && (inlineValue || !value.startsWith('-'))) return value
  throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.placeholder}.`)
}

function unknownFlag(flags: Flags, rawName: string): UsageError {
  const names = Object.keys(flags).filter((name) => flags[name]?.place !== 'hidden')
  const near = rawName.startsWith('--') ? nearest(rawName.slice(2), names) : null
  if (near !== null) return new UsageError(`Unknown flag ${rawName}: did you mean --${near}?`)
  return new UsageError(`Unknown flag ${rawName}: there are ${names.map((each) => `--${each}`).join(', ')}.`)
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}
