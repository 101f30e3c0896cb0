import type { CommandProcess } from './run-process.ts'

/** What ends a program that does nothing about it. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
const OTHERS: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH']
const PAUSING: readonly NodeJS.Signals[] = ['SIGTSTP', 'SIGCONT']
/** What a terminal sends to all of its foreground process group, so that the command there has had it already. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH']

type Handle = (signal: NodeJS.Signals) => void

/**
 * The signals of this process, from the wait for the lock to the end of the command. They are listened to without a gap:
 * one that came in between would end this process, and not its command.
 */
export class Signals {
  readonly #names: readonly NodeJS.Signals[]
  readonly #inForeground: boolean
  readonly #listener: Handle = (signal) => this.#handle(signal)
  #handle: Handle

  /** @param interrupt called with the first signal that ends the wait; another one ends the process. */
  constructor(inForeground: boolean, interrupt: Handle) {
    this.#inForeground = inForeground
    this.#names = namesFor(inForeground)
    this.#handle = (signal) => {
      if (signal === 'SIGTSTP') return stopThisProcess()
      if (!ENDING.includes(signal)) return
      this.close()
      interrupt(signal)
    }
    for (const name of this.#names) process.on(name, this.#listener)
  }

  /**
   * From here on signals go to the command.
   *
   * @param mayContinue whether the command may go on after both were stopped.
   */
  forward(command: CommandProcess, mayContinue: () => boolean): void {
    // What is handled before this came perhaps before the command was there to have it too.
    let isNew = true
    setImmediate(() => {
      isNew = false
    })
    this.#handle = (signal) => {
      if (signal === 'SIGCONT' && !mayContinue()) return
      // Ctrl-Z stops the heartbeats, so it must stop the command too, which the terminal does not see.
      if (signal === 'SIGTSTP') {
        command.signal('SIGSTOP')
        return stopThisProcess()
      }
      if (!this.#inForeground || isNew || !OF_TERMINAL.includes(signal)) command.signal(signal)
    }
  }

  close(): void {
    for (const name of this.#names) process.off(name, this.#listener)
  }
}

function namesFor(inForeground: boolean): readonly NodeJS.Signals[] {
  if (process.platform === 'win32') return ENDING.slice(0, 3)
  return [...ENDING, ...OTHERS, ...(inForeground ? [] : PAUSING)]
}

function stopThisProcess(): void {
  process.kill(process.pid, 'SIGSTOP')
}
