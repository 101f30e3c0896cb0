import { findBun, findDeno } from '../../scripts/find-programs.mjs'
import { Child } from './child.ts'
import { consumers } from './consumers.ts'

/** A runtime outside of browsers, and how it runs a script. */
export interface ScriptRuntime {
  readonly name: 'Node' | 'Deno' | 'Bun'
  readonly command: string
  readonly args: readonly string[]
}

export const node: ScriptRuntime = { name: 'Node', command: process.execPath, args: [] }

/** Without a lock file, for which it would ask to write. */
export const deno: ScriptRuntime = {
  name: 'Deno',
  command: required(findDeno(), 'Deno'),
  args: ['run', '--no-lock', '--allow-net', '--allow-env'],
}

export const bun: ScriptRuntime = { name: 'Bun', command: required(findBun(), 'Bun'), args: ['run'] }

export const scriptRuntimes: readonly ScriptRuntime[] = [node, deno, bun]

/** Starts one of the programs in `programs/`, in the project that has nothing but the package. */
export function startProgram(
  { command, args }: ScriptRuntime,
  program: string,
  programArgs: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Child {
  return new Child(command, [...args, `programs/${program}.mjs`, ...programArgs], { cwd: consumers.bare, env })
}

function required(path: string | null, name: string): string {
  if (path === null) throw new Error(`${name} is missing: npm test installs it, or set ${name.toUpperCase()}_PATH.`)
  return path
}
