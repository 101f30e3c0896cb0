import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Child } from '../runtimes/child.ts'
import { consumers } from '../runtimes/consumers.ts'
import { readTale, type Told, type ToldOf } from './tale.ts'

const PROGRAMS = join(consumers.bare, 'processes')

await cp(fileURLToPath(new URL('programs', import.meta.url)), PROGRAMS, { recursive: true })

/** One of the programs in `programs/`, which uses the packed package and tells what happens to it. */
export class ClientProcess {
  readonly #child: Child

  constructor(program: string, ...args: readonly (string | number)[]) {
    const file = join(PROGRAMS, `${program}.mjs`)
    this.#child = new Child(process.execPath, [file, ...args.map(String)], { cwd: PROGRAMS })
  }

  /**
   * The first time that this was told, or will be. Rejects if the process ends without.
   *
   * @param health only with this `health`.
   */
  async told<Event extends Told['event']>(event: Event, health?: string): Promise<ToldOf<Event>> {
    const rest = health === undefined ? '' : `.*"health":"${health}"`
    const [line] = await this.#child.line(new RegExp(`^\\{"event":"${event}"${rest}.*\\}$`))
    return JSON.parse(line)
  }

  /** Ends its input, for which programs wait before they go on. */
  go(): void {
    this.#child.go()
  }

  /** Stops it as a whole, all threads at once, where they are. */
  async stop(): Promise<void> {
    process.kill((await this.told('begun')).who, 'SIGSTOP')
  }

  async resume(): Promise<void> {
    process.kill((await this.told('begun')).who, 'SIGCONT')
  }

  kill(): Promise<void> {
    return this.#child.kill()
  }

  /** Waits for its end, which must come by itself and without an error that nobody handled; resolves to all it told. */
  async tale(): Promise<readonly Told[]> {
    const { stdout, ...end } = await this.#child.ended
    expect(end).toEqual({ code: 0, stderr: '' })
    return readTale(stdout)
  }
}
