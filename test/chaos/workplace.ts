import { existsSync } from 'node:fs'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeEngineFolder, removeEngineFolder } from '../engines/engine-folder.ts'
import { GuardedProcess } from '../engines/guarded-process.ts'
import { watchdog } from '../engines/watchdog.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** In the folder they lie to each other as they do here. */
const PROGRAMS = ['processes/programs', 'chaos/programs']
/** Nothing else that is set here decides how the programs behave. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG']

/** A folder with a copy of the built package, programs that use it, and all that they write. */
export class Workplace {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Needs `npm run build` before. The copy stays as it is when the package is built again meanwhile. */
  static async make(): Promise<Workplace> {
    if (!existsSync(join(ROOT, 'dist', 'cli.js'))) throw new Error('The package is not built: npm run build.')
    const folder = await makeEngineFolder('chaos')
    const installed = join(folder, 'node_modules', 'lockable')
    await mkdir(installed, { recursive: true })
    for (const part of ['package.json', 'dist']) await cp(join(ROOT, part), join(installed, part), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'))
    for (const programs of PROGRAMS) {
      await cp(join(ROOT, 'test', programs), join(folder, programs), { recursive: true })
    }
    return new Workplace(folder)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Starts the command `lockable`. */
  lockable(log: string, ...args: readonly string[]): GuardedProcess {
    return this.#node(log, join('node_modules', 'lockable', 'dist', 'cli.js'), ...args)
  }

  /** Starts one of the programs of the storm. */
  program(log: string, name: string, options: object): GuardedProcess {
    return this.#node(log, join('chaos', 'programs', `${name}.mjs`), JSON.stringify(options))
  }

  remove(): Promise<void> {
    return removeEngineFolder(this.folder)
  }

  /** It stays when this process ends. */
  keep(): void {
    watchdog.forget({ folder: this.folder })
  }

  #node(log: string, file: string, ...args: readonly string[]): GuardedProcess {
    return new GuardedProcess({
      command: process.execPath,
      args: [this.path(file), ...args],
      cwd: this.folder,
      log: this.path(log),
      env: Object.fromEntries(INHERITED.map((name) => [name, process.env[name]])),
    })
  }
}
