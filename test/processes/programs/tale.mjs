import { openSync, writeSync } from 'node:fs'

/** ms on the monotonic clock that all processes of this machine share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6
}

let log = null

/** From now on all is told to this file, which others append to as well; a line that is written survives SIGKILL. */
export function tellInto(path) {
  log = openSync(path, 'a')
}

/** Tells what happened, at this moment or at `at`, as one line of JSON. */
export function tell(event, facts = {}, at = now()) {
  const line = `${JSON.stringify({ event, at, who: process.pid, ...facts })}\n`
  if (log === null) process.stdout.write(line)
  else writeSync(log, line)
}
