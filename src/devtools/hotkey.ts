/** The members of a keyboard event that a hotkey is told by. */
export type KeyPress = Pick<KeyboardEvent, 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey'>

const MODIFIERS = ['alt', 'ctrl', 'meta', 'shift']

/**
 * Whether `press` is `hotkey`, which names modifiers and one key, as `Alt+Shift+L`. It goes by the place of the key on
 * the keyboard: `event.key` would be `Ò` for Alt+Shift+L on a Mac.
 */
export function matchesHotkey(hotkey: string, press: KeyPress): boolean {
  const parts = hotkey.split('+').map((part) => part.trim().toLowerCase())
  const keys = parts.filter((part) => part !== '' && !MODIFIERS.includes(part))
  const wanted = (modifier: string) => parts.includes(modifier)
  return (
    keys.length === 1 &&
    codesOf(keys[0] ?? '').includes(press.code.toLowerCase()) &&
    press.altKey === wanted('alt') &&
    press.ctrlKey === wanted('ctrl') &&
    press.metaKey === wanted('meta') &&
    press.shiftKey === wanted('shift')
  )
}

function codesOf(key: string): string[] {
  return [key, `key${key}`, `digit${key}`]
}
