import { type ReactElement, useEffect, useState } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'lockable-demo:theme'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

function remembered(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'system'
  } catch {
    return 'system'
  }
}

/** The theme of the page, remembered for this browser. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(remembered)
  useEffect(() => {
    document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme
    try {
      localStorage.setItem(KEY, theme)
    } catch {
      // It holds for this visit, then.
    }
  }, [theme])
  return [theme, setTheme]
}

export function ThemeSwitch({ theme, onChange }: { theme: Theme; onChange: (theme: Theme) => void }): ReactElement {
  return (
    <label className="field">
      <span>Theme</span>
      <select value={theme} onChange={({ target }) => onChange(THEMES.find((one) => one === target.value) ?? 'system')}>
        {THEMES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  )
}
