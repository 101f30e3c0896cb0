import { readFileSync } from 'node:fs'
import { UsageError } from './usage-error.ts'

/**
 * Reads a config file: one JSON object, whose keys are the names of flags. Brings the texts of each key, as they would be
 * written on the command line. Throws a {@link UsageError} that quotes no value, since some are secret.
 */
export function readConfigFile(path: string): Map<string, string[]> {
  const json = parse(readText(path), path)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UsageError(`The config file ${path} must be one JSON object, as {"port": 5625}.`)
  }
  return new Map(Object.entries(json).map(([key, value]) => [key, textsOf(value, `${JSON.stringify(key)} in ${path}`)]))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is none' : error instanceof Error ? error.message : String(error)
    throw new UsageError(`The config file ${path} cannot be read: ${why}.`)
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // What the error quotes of the text may be a secret; where it is, is none.
    const [at = ''] = /at position \d+|\(line \d+ column \d+\)/.exec(String(error)) ?? []
    throw new UsageError(`The config file ${path} is not JSON${at && `: something is wrong ${at}`}.`)
  }
}

function textsOf(value: unknown, source: string): string[] {
  return Array.isArray(value) ? value.map((each) => textOf(each, source)) : [textOf(value, source)]
}

function textOf(value: unknown, source: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new UsageError(`${source} must be a text, a number, true, false, or a list of them.`)
}
