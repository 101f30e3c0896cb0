#!/usr/bin/env node
import { COMMANDS, type Command } from './commands.ts'
import { mainHelp } from './help.ts'
import { nearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

/** Resolves to the exit code. */
async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h') return print(mainHelp(Object.values(COMMANDS)))
  if (name === '--version' || name === '-v') return print(`${packageVersion()}\n`)
  try {
    const command = find(name)
    if (asksForHelp(args)) return print(await command.help())
    return await command.run(args, process.env)
  } catch (error) {
    process.stderr.write(`lockable: ${error instanceof Error ? error.message : String(error)}\n`)
    // A TypeError says that the options do not go together.
    if (!(error instanceof UsageError || error instanceof TypeError)) return 1
    return (name === undefined ? undefined : COMMANDS[name])?.usageExitCode ?? 2
  }
}

function find(name: string | undefined): Command {
  if (name === undefined) throw new UsageError(`A command is missing: ${there()}.`)
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (found !== undefined) return found
  const near = nearest(name, Object.keys(COMMANDS))
  const quoted = JSON.stringify(name)
  throw new UsageError(`Unknown command ${quoted}: ${near === null ? `${there()}.` : `did you mean lockable ${near}?`}`)
}

function there(): string {
  return `there are ${Object.keys(COMMANDS).join(', ')}; see lockable --help`
}

/** Whether help is asked for, and not by the arguments of a command that is to be run. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

// Whoever reads has enough, as head(1) does, or the terminal is gone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

// What is left, such as a worker or a socket that idles, must not keep the process.
process.exit(await main(process.argv.slice(2)))
