import { CLIENT_FLAGS } from './client-flags.ts'
import type { Flag } from './flags.ts'
import { readSwitch, readText } from './values.ts'

/** A switch about this one call. */
function toggle(description: string): Flag<boolean> {
  return { placeholder: null, description, isList: false, read: readSwitch, place: 'line' }
}

const json = toggle('print JSON, for programs')

export const STATUS_FLAGS: typeof CLIENT_FLAGS & { readonly json: Flag<boolean> } = { json, ...CLIENT_FLAGS }

export const LOCKS_FLAGS: typeof STATUS_FLAGS & { readonly prefix: Flag<string> } = {
  prefix: {
    placeholder: 'TEXT',
    description: 'only those whose names begin so',
    isList: false,
    read: readText,
    place: 'line',
  },
  ...STATUS_FLAGS,
}

export const RELEASE_FLAGS: typeof STATUS_FLAGS & { readonly [Name in 'force' | 'now']: Flag<boolean> } = {
  force: toggle('needed, since the holder is not asked'),
  now: toggle('at once: until the holder hears of it, both believe'),
  ...STATUS_FLAGS,
}
