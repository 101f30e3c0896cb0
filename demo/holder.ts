import type { Json } from '../src/index.ts'
import type { Holder } from '../src/react/index.ts'

/** Tells the tabs of this browser apart. */
export const TAB: string = Math.random().toString(36).slice(2, 6)

/** What the people of this demo tell others about themselves while they hold or wait: the `info` of a lock. */
export function identity(name: string): { readonly name: string; readonly tab: string } {
  return { name, tab: TAB }
}

/** The name in the `info` of a holder or of who takes over; `Somebody` if it says none. */
export function nameOf(info: Json | undefined): string {
  if (typeof info !== 'object' || info === null || Array.isArray(info)) return 'Somebody'
  const { name } = info as { readonly name?: Json }
  return typeof name === 'string' && name !== '' ? name : 'Somebody'
}

/** How to speak of `holder` to `person`: a person may sit in two tabs. */
export function holderName(holder: Holder | null, person: string): string {
  const name = nameOf(holder?.info)
  return name === person ? `${name} in another tab` : name
}
