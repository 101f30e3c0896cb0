import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll } from 'vitest'
import { workerSource } from '../../scripts/vite-worker-source.ts'
import { Child } from '../runtimes/child.ts'

const ROOT = join(import.meta.dirname, '../..')

const folder = await mkdtemp(join(tmpdir(), 'lockable-command-'))

afterAll(() => rm(folder, { recursive: true, force: true }))

/** The command in one file, since Node 20 runs no TypeScript; all but the engine of the file store is in it. */
await build({
  configFile: false,
  root: ROOT,
  logLevel: 'warn',
  publicDir: false,
  plugins: [workerSource()],
  ssr: { noExternal: true, external: ['classic-level'] },
  build: {
    ssr: join(ROOT, 'src/cli/main.ts'),
    outDir: join(folder, 'bare'),
    emptyOutDir: false,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'cli.mjs', codeSplitting: false } },
  },
})
// It tells its version.
await symlink(join(ROOT, 'package.json'), join(folder, 'package.json'))
await mkdir(join(folder, 'whole'))
await symlink(join(ROOT, 'node_modules'), join(folder, 'whole/node_modules'))
await symlink(join(folder, 'bare/cli.mjs'), join(folder, 'whole/cli.mjs'))

export interface CommandOptions {
  /** Whether packages are installed beside it. Default `true`. */
  readonly isInstalled?: boolean
  /** A program in the text of a module that runs before it. */
  readonly before?: string
  /** The most KiB that it may write into one file. */
  readonly mostKiB?: number
  readonly env?: Readonly<Record<string, string>>
}

/** A path in a folder of this test file, where nothing is yet. */
export function freshPath(name: string): string {
  return join(folder, name)
}

/** Starts `lockable serve` as a process of its own, on any port that is free. */
export function startCommand(
  flags: readonly string[],
  { isInstalled = true, before = '', mostKiB, env = {} }: CommandOptions = {},
): Child {
  const cli = join(folder, isInstalled ? 'whole' : 'bare', 'cli.mjs')
  const imported = before === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`]
  const args = [...imported, '--preserve-symlinks-main', cli, 'serve', '--port', '0', ...flags]
  const options = { cwd: folder, env }
  if (mostKiB === undefined) return new Child(process.execPath, args, options)
  // `ulimit -f` counts blocks of 1,024 bytes in bash.
  return new Child('bash', ['-c', `ulimit -f ${mostKiB}; exec "$0" "$@"`, process.execPath, ...args], options)
}

/** Where it listens. */
export async function urlOf(child: Child): Promise<string> {
  const [, url = ''] = await child.line(/^lockable listening on (http:\/\/127\.0\.0\.1:\d+)$/)
  return url
}
