import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import { afterAll } from 'vitest'
import type { ServeOptions } from '../../src/server/node.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What is asked by a message is answered by one. */
const PROGRAM = `
import { serve } from './server.mjs'
const server = await serve({ port: 0, ...JSON.parse(process.argv[2]) })
process.on('message', () => {
  for (let times = 0; times < 3; times += 1) gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  process.send({ heap: heapUsed + external, rss })
})
process.on('disconnect', () => process.exit())
process.send({ host: server.host, port: server.port })
`

const folder = await mkdtemp(join(tmpdir(), 'lockable-idle-'))
const running = new Set<ChildProcess>()

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** In one file, since Node 20 runs no TypeScript. */
await build({
  configFile: false,
  root: ROOT,
  logLevel: 'error',
  publicDir: false,
  ssr: { noExternal: true, external: ['classic-level', 'pg'] },
  build: {
    ssr: join(ROOT, 'src/server/node.ts'),
    outDir: folder,
    emptyOutDir: false,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'server.mjs' } },
  },
})
await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
await writeFile(join(folder, 'program.mjs'), PROGRAM)

/** What a process uses once the garbage is collected, in bytes. */
export interface Memory {
  readonly heap: number
  readonly rss: number
}

/** A server in a process of its own, so that its memory is not that of its clients. */
export class IdleServer {
  readonly host: string
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, { host, port }: { host: string; port: number }) {
    this.#child = child
    this.host = host
    this.port = port
  }

  static async start(options: Pick<ServeOptions, 'limits' | 'maxWaitMs'> = {}): Promise<IdleServer> {
    const child = fork(join(folder, 'program.mjs'), [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    running.add(child)
    const [address] = await once(child, 'message')
    return new IdleServer(child, address)
  }

  async memory(): Promise<Memory> {
    const answer = once(this.#child, 'message')
    this.#child.send('memory')
    return (await answer)[0]
  }
}
