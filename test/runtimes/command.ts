import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

const started = new Set<ChildProcessWithoutNullStreams>()

afterEach(() => {
  for (const child of started) child.kill('SIGKILL')
  started.clear()
})

/** The command, running or ended. */
export interface Run {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { stdout: string; stderr: string }
  /** Resolves to the exit code and the signal. */
  readonly exit: Promise<unknown[]>
}

/** Starts the built command; of the environment it sees only the path and `env`. It is killed after the test. */
export function lockable(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env } })
  started.add(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (data) => {
    output.stdout += data
  })
  child.stderr.on('data', (data) => {
    output.stderr += data
  })
  return { child, output, exit: once(child, 'close') }
}

/** A server of the command, when it has said that it is ready. */
export async function ready(args: readonly string[], env: Record<string, string> = {}): Promise<Run & { url: string }> {
  const run = lockable(['serve', '--port', '0', ...args], env)
  await Promise.race([once(run.child.stdout, 'data'), run.exit])
  const [, url] = /^lockable listening on (http:\S+)\n$/.exec(run.output.stdout) ?? []
  if (url === undefined) throw new Error(`not ready: ${JSON.stringify(run.output)}`)
  return { ...run, url }
}

/** The body of a reply. */
export async function json(url: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(url, init)).json()
}
