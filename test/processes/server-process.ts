import { join } from 'node:path'
import { Child } from '../runtimes/child.ts'
import { consumers } from '../runtimes/consumers.ts'

/** A `lockable serve` of the packed package, in a process of its own. */
export interface ServerProcess {
  readonly url: string
  /** Ends it with SIGKILL, so that it forgets everything and tells nobody. */
  kill(): Promise<void>
}

/** Resolves when it listens. Without `npx` in between, which takes longer to start than the server. */
export async function startServer(flags: readonly string[] = []): Promise<ServerProcess> {
  const cli = join(consumers.bare, 'node_modules', 'lockable', 'dist', 'cli.js')
  const child = new Child(process.execPath, [cli, 'serve', '--port', '0', ...flags], { cwd: consumers.bare })
  const [, url = ''] = await child.line(/^lockable listening on (http:\/\/127\.0\.0\.1:\d+)$/)
  return { url, kill: () => child.kill() }
}
