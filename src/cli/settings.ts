import { readConfigFile } from './config-file.ts'
import {
  type CommandLine,
  type Environment,
  type Flag,
  type Flags,
  readCommandLine,
  VARIABLE_PREFIX,
  type Values,
  variableOf,
} from './flags.ts'
import { nearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'
import { readPath } from './values.ts'

/** The file that settings may come from; every command that has settings takes it. */
export const CONFIG_FLAG: Flag<string> = {
  placeholder: 'FILE',
  description: 'JSON object with further settings, whose keys are the names of flags',
  isList: false,
  read: readPath,
}

/** What is in force, and where it comes from. */
export interface Settings<Given extends Flags> {
  readonly values: Values<Given>
  /** What was said of each setting that was said anything of. */
  readonly said: ReadonlyMap<string, Said>
  readonly line: CommandLine
}

export interface Said {
  readonly texts: readonly string[]
  /** The flag, the variable, or the key and the file. */
  readonly source: string
}

export interface SettingsOptions {
  readonly args: readonly string[]
  readonly env: Environment
  /** The settings of all commands, for a file or an environment that several of them share. */
  readonly known: Flags
  /**
   * Whether a variable that begins as ours do and is none is an error in any case; otherwise only if it is nearly one,
   * since it may be the application's.
   */
  readonly ownsEnvironment: boolean
}

/**
 * Reads the settings of a command: a flag goes before a variable, and a variable before the file. Throws a
 * {@link UsageError} for what cannot be read, and for a name that is not known, be it of a flag, a variable, or a key.
 */
export function readSettings<Given extends Flags>(flags: Given, options: SettingsOptions): Settings<Given> {
  const { args, env, known } = options
  const line = readCommandLine(flags, args)
  checkVariables(options)
  const path = sayings(line, env, null)('config', CONFIG_FLAG)?.texts.at(-1)
  const file = path === undefined ? null : { path, texts: readConfigFile(path) }
  if (file !== null) checkKeys(file, known)
  const saidOf = sayings(line, env, file)
  const said = new Map<string, Said>()
  const values = Object.entries(flags).map(([name, flag]) => {
    const found = saidOf(name, flag)
    if (found === null) return [name, []]
    said.set(name, found)
    return [name, found.texts.map((text) => flag.read(text, found.source))]
  })
  return { values: Object.fromEntries(values), said, line }
}

interface ConfigFile {
  readonly path: string
  readonly texts: ReadonlyMap<string, readonly string[]>
}

/** Finds what was said of a setting, in the place that counts. */
function sayings(line: CommandLine, env: Environment, file: ConfigFile | null) {
  return (name: string, flag: Flag<unknown>): Said | null => {
    const onLine = line.texts.get(name)
    if (onLine !== undefined) return { texts: onLine, source: `--${name}` }
    if (flag.place === 'line') return null
    const inVariable = textsOfVariable(flag, name, env)
    if (inVariable.length > 0) return { texts: inVariable, source: variableOf(name) }
    const inFile = file?.texts.get(name)
    if (inFile === undefined) return null
    const source = `${JSON.stringify(name)} in ${file?.path}`
    if (inFile.length > 1 && !flag.isList) throw new UsageError(`${source} is a list: give one value.`)
    return { texts: inFile, source }
  }
}

function textsOfVariable({ isList }: Flag<unknown>, name: string, env: Environment): string[] {
  const text = env[variableOf(name)] ?? ''
  if (isOfKubernetes(variableOf(name), text)) return []
  const parts = isList ? text.split(',') : [text]
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

function checkKeys({ path, texts }: ConfigFile, known: Flags): void {
  for (const key of texts.keys()) {
    const place = Object.hasOwn(known, key) ? (known[key]?.place ?? 'anywhere') : null
    if (place === 'line' || key === 'config') {
      throw new UsageError(`${JSON.stringify(key)} in ${path} is only a flag: give it to the command as --${key}.`)
    }
    if (place === null) throw new UsageError(`Unknown key ${JSON.stringify(key)} in ${path}: ${meant(key, known)}`)
  }
}

function meant(key: string, known: Flags): string {
  const keys = Object.keys(known).filter((name) => known[name]?.place !== 'line' && name !== 'config')
  const near = nearest(key, keys)
  return near === null ? `there are ${keys.join(', ')}.` : `did you mean ${JSON.stringify(near)}?`
}

/** What `lockable run` tells its command, which may be one of ours. */
const TOLD = ['LOCK_NAME', 'FENCING_TOKEN'].map((name) => `${VARIABLE_PREFIX}${name}`)

function checkVariables({ env, known, ownsEnvironment }: SettingsOptions): void {
  const variables = Object.keys(known)
    .filter((name) => known[name]?.place !== 'line')
    .map(variableOf)
  for (const [name, text = ''] of Object.entries(env)) {
    if (!name.startsWith(VARIABLE_PREFIX) || variables.includes(name) || TOLD.includes(name)) continue
    if (isOfKubernetes(name, text)) continue
    const near = nearest(name.slice(VARIABLE_PREFIX.length), variables.map(withoutPrefix))
    if (near !== null) throw new UsageError(`Unknown variable ${name}: did you mean ${VARIABLE_PREFIX}${near}?`)
    if (ownsEnvironment) throw new UsageError(`Unknown variable ${name}: there are ${variables.join(', ')}.`)
  }
}

function withoutPrefix(variable: string): string {
  return variable.slice(VARIABLE_PREFIX.length)
}

/** Kubernetes tells every container of a service that is called `lockable` by variables, and one is called as ours. */
function isOfKubernetes(name: string, text: string): boolean {
  return /^LOCKABLE_(SERVICE_(HOST|PORT)|PORT_\d+_)/.test(name) || (name === 'LOCKABLE_PORT' && /^\w+:\/\//.test(text))
}
