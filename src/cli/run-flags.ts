import { CLIENT_FLAGS } from './client-flags.ts'
import type { Flag } from './flags.ts'
import { readDuration, readExitCode, readSwitch, readText } from './values.ts'

export type RunFlags = typeof CLIENT_FLAGS & {
  readonly [Name in 'timeout' | 'conflict-exit-code' | 'lease' | 'kill-after']: Flag<number>
} & {
  readonly [Name in 'non-blocking' | 'shared' | 'foreground' | 'verbose']: Flag<boolean>
} & {
  readonly info: Flag<string>
}

/** The flags of `lockable run`; the letters are those of `flock`. */
export const RUN_FLAGS: RunFlags = {
  'non-blocking': toggle('n', 'do not wait if somebody else holds the lock'),
  timeout: {
    placeholder: 'DURATION',
    description: 'wait at most so long; 0 is --non-blocking',
    isList: false,
    read: readDuration,
    letter: 'w',
    fallback: 'for ever',
  },
  'conflict-exit-code': {
    placeholder: 'CODE',
    description: 'exit code if the lock is not to be had, or not in time',
    isList: false,
    read: readExitCode,
    letter: 'E',
    fallback: '1',
  },
  shared: toggle('s', 'hold it together with others who share it'),
  lease: {
    placeholder: 'DURATION',
    description: 'how long the lock outlasts the death of this machine',
    isList: false,
    read: readDuration,
    fallback: "the server's, 60s",
  },
  info: {
    placeholder: 'TEXT',
    description: 'who holds, for whoever asks; everybody who may look can read it',
    isList: false,
    read: readText,
    fallback: 'host and process id',
  },
  'kill-after': {
    placeholder: 'DURATION',
    description: 'time between SIGTERM and SIGKILL if the lock is lost',
    isList: false,
    read: readDuration,
    fallback: '5s',
  },
  foreground: toggle(null, 'leave the command in this process group, so that it has the terminal'),
  verbose: toggle(null, 'say on stderr what is waited for, and how long it took'),
  ...CLIENT_FLAGS,
}

/** A switch about this one call. */
function toggle(letter: string | null, description: string): Flag<boolean> {
  return {
    placeholder: null,
    description,
    isList: false,
    read: readSwitch,
    place: 'line',
    ...(letter !== null && { letter }),
  }
}
