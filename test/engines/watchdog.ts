import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('watchdog-program.mjs', import.meta.url))

/** What must not outlive this process. */
type Guarded = { readonly pid: number } | { readonly folder: string }

/** A process that kills and removes what it guards when this one is gone, in whatever way that came. */
class Watchdog {
  #input: Writable | null = null

  guard(guarded: Guarded): void {
    this.#tell({ ...guarded, guarded: true })
  }

  /** It is gone, and its number may be another's soon. */
  forget(guarded: Guarded): void {
    this.#tell({ ...guarded, guarded: false })
  }

  #tell(message: object): void {
    this.#input ??= start()
    this.#input.write(`${JSON.stringify(message)}\n`)
  }
}

export const watchdog: Watchdog = new Watchdog()

function start(): Writable {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'ignore', 'inherit'], detached: true })
  // It must not keep this process alive.
  child.unref()
  const { stdin } = child
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return stdin
}
