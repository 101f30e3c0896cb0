import { spawn } from 'node:child_process'

/** Ends the command if this process dies without having dismissed it, be it by SIGKILL. */
export interface Guard {
  /** Whom to end, as kill(2) has it; `null`: nobody. */
  watch(target: number | null): void
  dismiss(): void
}

/**
 * A line says whom to watch. The end of the input is the death of whoever writes it, since nobody else has the other end
 * of the pipe.
 */
const SCRIPT = `read -r target || exit 0
read -r word && exit 0
kill -s TERM -- "$target"
sleep "$1"
kill -s KILL -- "$target"`

/**
 * Starts a guard, a shell that waits. Where there is no shell the command is not guarded: its lock runs out, as it would
 * if the machine died, but it goes on.
 *
 * @param killAfterMs ms between SIGTERM and SIGKILL.
 */
export function startGuard(killAfterMs: number): Guard {
  if (process.platform === 'win32') return { watch: () => undefined, dismiss: () => undefined }
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'lockable-guard', String(Math.ceil(killAfterMs / 1_000))], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // What ends the process group of this process must not end the guard.
    detached: true,
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  return {
    watch(target) {
      if (target !== null) shell.stdin.write(`${target}\n`)
      else shell.stdin.end()
    },
    dismiss: () => shell.stdin.end('dismissed\n'),
  }
}
