import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import type { Consumers } from './consumers.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FIXTURES = ['programs', 'pages']
const BUNDLERS = ['esbuild@0.28.2', 'webpack@5.112.2', 'webpack-cli@7.3.1']
/** The newest that runs on Node 20. */
const NEXT = 'next@16.4.6'
/** Each in the version that the library is developed with. */
const REACT_PACKAGES = ['react', 'react-dom', 'zustand']
const TYPE_PACKAGES = ['@types/react', '@types/react-dom', '@types/node']
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error']

/** Packs the built package and installs it, as users do, into empty projects outside of this repository. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lockable-consumers-')))
  try {
    const tarball = await pack(folder)
    const react = await pinned(REACT_PACKAGES)
    const types = await pinned(TYPE_PACKAGES)
    const [bare, web, next] = await Promise.all([
      install(join(folder, 'bare'), [tarball]),
      install(join(folder, 'web'), [tarball, ...BUNDLERS, ...react, ...types]),
      install(join(folder, 'next'), [tarball, NEXT, ...react]),
    ])
    project.provide('consumers', { tarball, bare, web, next })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return () => rm(folder, { recursive: true, force: true })
}

declare module 'vitest' {
  export interface ProvidedContext {
    consumers: Consumers
  }
}

async function pack(folder: string): Promise<string> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, ...QUIET]
  const { stdout } = await run('npm', args, { cwd: ROOT })
  const packed: unknown = JSON.parse(stdout)
  // npm wraps the description in a list or, for workspaces, in an object; a package has one either way.
  const [description] = Object.values(packed as Record<string, { filename: string }>)
  if (!description) throw new Error(`npm pack has packed nothing: ${stdout}`)
  return join(folder, description.filename)
}

async function install(folder: string, specs: readonly string[]): Promise<string> {
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await run('npm', ['install', '--prefer-offline', ...QUIET, ...specs], { cwd: folder })
  for (const fixture of FIXTURES) {
    await cp(fileURLToPath(new URL(fixture, import.meta.url)), join(folder, fixture), { recursive: true })
  }
  return folder
}

async function pinned(names: readonly string[]): Promise<string[]> {
  const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
    await readFile(join(ROOT, 'package.json'), 'utf8'),
  )
  return names.map((name) => `${name}@${devDependencies[name]}`)
}
