import { type Flags, variableOf } from './flags.ts'
import { SERVE_FLAGS, TOKENS_VARIABLE } from './serve-flags.ts'

/** The text of `lockable --help`. */
export function mainHelp(): string {
  return `lockable: named locks with leases over HTTP.

Usage:
  lockable serve [flags]    run the lock server
  lockable serve --help     its flags
  lockable --version
`
}

/** The text of `lockable serve --help`. */
export function serveHelp(): string {
  return `Usage: lockable serve [flags]

${describeFlags(SERVE_FLAGS)}

Each flag is an environment variable too: --max-wait is ${variableOf('max-wait')}; what repeats is set apart by commas.
${TOKENS_VARIABLE} holds the tokens that are accepted, each as token or token:namespace, set apart by commas.
Prints one line when it is ready, and ends on SIGTERM or SIGINT.
`
}

function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { placeholder, description }]) => {
    return [`  --${name}${placeholder === null ? '' : ` ${placeholder}`}`, description] as const
  })
  const width = Math.max(...rows.map(([usage]) => usage.length))
  return rows.map(([usage, description]) => `${usage.padEnd(width)}  ${description}`).join('\n')
}
