import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'
import type { ReadValue } from './values.ts'

/** A flag of a command, which is an environment variable too. */
export interface Flag<Value> {
  /** What the help calls the value; `null` for a switch, which takes none. */
  readonly placeholder: string | null
  readonly description: string
  /** Whether its variable may hold several values, between commas. */
  readonly isList: boolean
  readonly read: ReadValue<Value>
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** The values of a flag in the order given; none if it was left out. */
export type Values<Given extends Flags> = { [Name in keyof Given]: ReturnType<Given[Name]['read']>[] }

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment variable of a flag: `LOCKABLE_MAX_WAIT` for `max-wait`. */
export function variableOf(name: string): string {
  return `LOCKABLE_${name.toUpperCase().replaceAll('-', '_')}`
}

/**
 * Reads flags from the command line, and from the environment those that are not there; the variable of a list may
 * hold several values between commas. Throws a {@link UsageError}.
 */
export function readFlags<Given extends Flags>(flags: Given, args: readonly string[], env: Environment): Values<Given> {
  const texts = readTexts(flags, args)
  const values = Object.entries(flags).map(([name, flag]) => {
    const onLine = texts.get(name)
    if (onLine !== undefined) return [name, onLine.map((text) => flag.read(text, `--${name}`))]
    const variable = variableOf(name)
    const text = env[variable] ?? ''
    const parts = (flag.isList ? text.split(',') : [text]).map((part) => part.trim())
    return [name, parts.filter((part) => part !== '').map((part) => flag.read(part, variable))]
  })
  return Object.fromEntries(values)
}

function readTexts(flags: Flags, args: readonly string[]): Map<string, string[]> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { placeholder }]) => [
      name,
      { type: placeholder === null ? 'boolean' : 'string' } as const,
    ]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const texts = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional')
      throw new UsageError(`Unexpected argument ${JSON.stringify(token.value)}: flags begin with --.`)
    texts.set(token.name, [...(texts.get(token.name) ?? []), textOf(flags, token)])
  }
  return texts
}

function textOf(flags: Flags, { name, rawName, value, inlineValue }: OptionToken): string {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
  if (flag === undefined) {
    const known = Object.keys(flags).map((each) => `--${each}`)
    throw new UsageError(`Unknown flag ${rawName}: there are ${known.join(', ')}.`)
  }
  if (flag.placeholder === null) {
    if (value === undefined) return 'true'
    throw new UsageError(`${rawName} takes no value; got ${JSON.stringify(value)}: leave it out.`)
  }
  if (value !== undefined && (inlineValue || !value.startsWith('-'))) return value
  throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.placeholder}.`)
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}
