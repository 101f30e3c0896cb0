import { DEFAULT_PORT } from '../protocol/port.ts'
import type { Flag } from './flags.ts'
import { CONFIG_FLAG } from './settings.ts'
import { readText } from './values.ts'

/** The server that is asked if nothing is said. */
export const DEFAULT_URL: string = `http://127.0.0.1:${DEFAULT_PORT}`

/** What every command takes that asks a lock server. */
export const CLIENT_FLAGS: Readonly<Record<'url' | 'auth-token' | 'config', Flag<string>>> = {
  url: {
    placeholder: 'URL',
    description: 'where the lock server is',
    isList: false,
    read: readText,
    fallback: DEFAULT_URL,
  },
  'auth-token': {
    placeholder: 'TOKEN',
    description: 'the token or capability to ask with',
    isList: false,
    read: readText,
    place: 'hidden',
  },
  config: CONFIG_FLAG,
}
