import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { Child } from '../runtimes/child.ts'
import { consumers } from '../runtimes/consumers.ts'
import { FaultProxy } from './fault-proxy.ts'

/** A `lockable serve` of the packed package, in a process of its own. */
export interface ServerProcess {
  readonly url: string
  /** Ends it with SIGKILL, so that it forgets everything and tells nobody. */
  kill(): Promise<void>
}

/** What a server can be told besides its flags. */
export interface ServerOptions {
  /** The port of one that was killed, for clients that are to find it again. */
  readonly at?: string
  /** ms by which its wall clock is wrong. */
  readonly clockOffMs?: number
}

const folder = await mkdtemp(join(tmpdir(), 'lockable-marks-'))

afterAll(() => rm(folder, { recursive: true, force: true }))
afterAll(() => FaultProxy.closeAll())

/** A file for the mark of a server. It does not exist yet. */
export function markFile(name: string): string {
  return join(folder, name)
}

/** Resolves when it listens. Without `npx` in between, which takes longer to start than the server. */
export async function startServer(
  flags: readonly string[] = [],
  { at = 'http://127.0.0.1:0', clockOffMs = 0 }: ServerOptions = {},
): Promise<ServerProcess> {
  const cli = join(consumers.bare, 'node_modules', 'lockable', 'dist', 'cli.js')
  const port = new URL(at).port
  const child = new Child(process.execPath, [...wrongClock(clockOffMs), cli, 'serve', '--port', port, ...flags], {
    cwd: consumers.bare,
  })
  const [, url = ''] = await child.line(/^lockable listening on (http:\/\/127\.0\.0\.1:\d+)$/)
  return { url, kill: () => child.kill() }
}

/** Arguments for Node, by which a program runs before the server that sets the wall clock wrong. */
function wrongClock(offMs: number): string[] {
  const program = `const now = Date.now; Date.now = () => now() + ${offMs}`
  return offMs === 0 ? [] : ['--import', `data:text/javascript,${encodeURIComponent(program)}`]
}
