import { readFileSync, rmSync, writeFileSync } from 'node:fs'

/** A process, so that it can be told from a later one with the same id. */
interface ProcessId {
  readonly pid: number
  /** When it was started, as far as the system tells. */
  readonly started: string | null
}

/** What this process has taken. */
const taken = new Set<string>()

/**
 * Takes what the file `path` stands for, for this process alone, and returns a function that gives it back. Throws what
 * `inUse` makes if a process that still runs has it. The file of one that was killed is replaced, so that a crash needs
 * nobody to clean up.
 *
 * The file is created exclusively and holds a process id, since Node has no `flock`. Two servers that are started at the
 * same moment on the leavings of a third might both get it; the mark itself notices that.
 */
export function takeGuard(path: string, inUse: (owner: string) => Error): () => void {
  const mine = JSON.stringify(identify(process.pid))
  if (!create(path, mine)) {
    const owner = readOwner(path)
    if (owner !== null && (taken.has(path) || isRunning(owner))) throw inUse(`the process ${owner.pid}`)
    rmSync(path, { force: true })
    if (!create(path, mine)) throw inUse('a process that has just started')
  }
  taken.add(path)
  return () => {
    taken.delete(path)
    if (readText(path) === mine) rmSync(path, { force: true })
  }
}

/** @returns whether it was not there yet. */
function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Error(
      `${path} cannot be created: ${(error as Error).message}. It needs a folder that exists, in which this process may write.`,
      { cause: error },
    )
  }
}

/** `null` for what a crash of the machine has left half written. */
function readOwner(path: string): ProcessId | null {
  try {
    const { pid, started }: Partial<ProcessId> = JSON.parse(readText(path) ?? '')
    return pid === undefined ? null : { pid, started: started ?? null }
  } catch {
    return null
  }
}

function isRunning({ pid, started }: ProcessId): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const present = identify(pid)
  // In a container a server and its successor have the same id, as a rule.
  if (pid === process.pid && started === null) return false
  return started === null || present.started === null || started === present.started
}

/** On Linux a process id and the tick of its start name one process of one boot; elsewhere the id has to do. */
function identify(pid: number): ProcessId {
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim()
  // The name of the program comes second, in parentheses, and may contain anything; the start is the 22nd.
  const tick = readText(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]
  return { pid, started: boot === undefined || tick === undefined ? null : `${boot} ${tick}` }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
