#!/usr/bin/env node
import { mainHelp, serveHelp } from './help.ts'
import { runServer } from './serve-command.ts'
import { readServeCommand } from './serve-flags.ts'
import { UsageError } from './usage-error.ts'
import { packageVersion } from './version.ts'

async function main([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case 'serve':
      if (isAsked(args, '--help', '-h')) return print(serveHelp())
      await runServer(readServeCommand(args, process.env))
      return process.exit()
    case '--help':
    case '-h':
      return print(mainHelp())
    case '--version':
    case '-v':
      return print(`${packageVersion()}\n`)
    case undefined:
      throw new UsageError('A command is missing: lockable serve. See lockable --help.')
    default:
      throw new UsageError(`Unknown command ${JSON.stringify(command)}: there is lockable serve. See lockable --help.`)
  }
}

function isAsked(args: readonly string[], ...flags: readonly string[]): boolean {
  return args.some((arg) => flags.includes(arg))
}

function print(text: string): void {
  process.stdout.write(text)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`lockable: ${error instanceof Error ? error.message : String(error)}\n`)
  // A TypeError says that the options do not go together.
  process.exitCode = error instanceof UsageError || error instanceof TypeError ? 2 : 1
}
