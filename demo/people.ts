/** Somebody who uses the demo. */
export interface Person {
  readonly name: string
  /** The hue of their colour, in degrees. */
  readonly hue: number
}

const HUES: Readonly<Record<string, number>> = { Alice: 305, Bob: 42, Carol: 235, Dave: 160, Erin: 5 }

/** The names to choose from. */
export const NAMES: readonly string[] = Object.keys(HUES)

/** The person of that name; names that are not in the list have a colour as well. */
export function personNamed(name: string): Person {
  const hue = HUES[name] ?? [...name].reduce((sum, character) => sum + (character.codePointAt(0) ?? 0) * 37, 0) % 360
  return { name, hue }
}

/** The name that the address asks for, as `?as=Bob`. */
export function nameInAddress(): string | null {
  const name = new URLSearchParams(location.search).get('as')?.trim().slice(0, 20)
  return name ? name : null
}

/** The address of this page for another person. */
export function addressOf(name: string): string {
  return `${location.pathname}?as=${encodeURIComponent(name)}`
}

/**
 * Names that other tabs use: each tab keeps the names it uses as locks of the browser (`navigator.locks`), which end
 * with the tab. Where the browser has none, nothing is known of other tabs.
 */
export async function namesInUse(): Promise<ReadonlySet<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {}
  return new Set(held.flatMap(({ name = '' }) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : [])))
}

const PREFIX = 'lockable-demo:person:'

/** Marks `name` as in use by this tab; returns the way to undo it. */
export function claimName(name: string): () => void {
  let release = () => {}
  const until = new Promise<void>((resolve) => {
    release = resolve
  })
  // Shared, so that two tabs may still be opened as the same person.
  void navigator.locks?.request(PREFIX + name, { mode: 'shared' }, () => until)
  return release
}

/** A name from the list that nobody uses. */
export function freeName(taken: ReadonlySet<string>): string {
  return NAMES.find((name) => !taken.has(name)) ?? 'Guest'
}
