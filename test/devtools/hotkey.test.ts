import { describe, expect, it } from 'vitest'
import { type KeyPress, matchesHotkey } from '../../src/devtools/hotkey.ts'

const press = (code: string, ...modifiers: string[]): KeyPress => ({
  code,
  altKey: modifiers.includes('alt'),
  ctrlKey: modifiers.includes('ctrl'),
  metaKey: modifiers.includes('meta'),
  shiftKey: modifiers.includes('shift'),
})

describe('matchesHotkey', () => {
  it('goes by the place of the key, whatever it types', () => {
    expect(matchesHotkey('Alt+Shift+L', press('KeyL', 'alt', 'shift'))).toBe(true)
    expect(matchesHotkey('Alt+Shift+KeyL', press('KeyL', 'alt', 'shift'))).toBe(true)
    expect(matchesHotkey('ctrl + 1', press('Digit1', 'ctrl'))).toBe(true)
    expect(matchesHotkey('Ctrl+Backquote', press('Backquote', 'ctrl'))).toBe(true)
  })

  it('wants exactly the modifiers that are named', () => {
    expect(matchesHotkey('Alt+Shift+L', press('KeyL', 'alt'))).toBe(false)
    expect(matchesHotkey('Alt+Shift+L', press('KeyL', 'alt', 'shift', 'ctrl'))).toBe(false)
    expect(matchesHotkey('Alt+Shift+L', press('KeyK', 'alt', 'shift'))).toBe(false)
  })

  it('matches nothing without a key', () => {
    expect(matchesHotkey('Alt+Shift', press('', 'alt', 'shift'))).toBe(false)
    expect(matchesHotkey('', press(''))).toBe(false)
  })
})
