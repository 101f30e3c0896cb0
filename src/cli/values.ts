import { UsageError } from './usage-error.ts'

/** Reads the text of a flag or variable; `source` is what it is called in errors. */
export type ReadValue<Value> = (text: string, source: string) => Value

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A duration as `500ms`, `60s`, `5m` or `24h`, in ms. */
export const readDuration: ReadValue<number> = (text, source) => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const ms = text === '0' ? 0 : Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN)
  if (Number.isSafeInteger(ms)) return ms
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give a duration with its unit, as 500ms, 60s, 5m or 24h.`)
}

export const readPort: ReadValue<number> = (text, source) => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give a port from 0 (any that is free) to 65535.`)
}

export const readText: ReadValue<string> = (text) => text

export const readPath: ReadValue<string> = (text, source) => {
  if (text !== '') return text
  throw new UsageError(`${source} is empty: give the path of a file.`)
}

export const readToken: ReadValue<number> = (text, source) => {
  const token = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(token)) return token
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give a fencing token, which is a whole number.`)
}

export const readExitCode: ReadValue<number> = (text, source) => {
  const code = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN
  if (code <= 255) return code
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give an exit code from 0 to 255.`)
}

export const readSwitch: ReadValue<boolean> = (text, source) => {
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new UsageError(`${source} is ${JSON.stringify(text)}: give true or false.`)
}
