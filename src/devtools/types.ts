import type { Lockable } from '../index.ts'

/** `system` follows the preference of the operating system. */
export type DevtoolsTheme = 'system' | 'light' | 'dark'

/** What the two panels have in common. */
export interface PanelOptions {
  /** The client to show. Default: that of the nearest `LockProvider`. */
  readonly client?: Lockable
  /** Several clients to show together, by the label that tells them apart. Takes the place of `client`. */
  readonly clients?: Readonly<Record<string, Lockable>>
  /** Default `'system'`. The panel has a switch for it, whose setting is remembered. */
  readonly theme?: DevtoolsTheme
}

export interface LockDevtoolsProps extends PanelOptions {
  /** Whether the panel is open at first. Default `false`. */
  readonly initialIsOpen?: boolean
  /** The edge of the window where the panel is docked. Default `'bottom'`. */
  readonly position?: 'bottom' | 'right'
  /**
   * The keys that open and close the panel, by `KeyboardEvent.code` so that they are the same on every layout, as
   * `Alt+Shift+KeyL` or `Alt+Shift+L`. Default `'Alt+Shift+L'`; `false` for none.
   */
  readonly hotkey?: string | false
  /** Whether the panel is open, for an application that decides it; change it in `onOpenChange`. */
  readonly open?: boolean
  /** Called when the panel asks to be opened or closed. */
  readonly onOpenChange?: (open: boolean) => void
  /** Whether there is a button that opens the panel. Default `true`. */
  readonly trigger?: boolean
}

export interface LockDevtoolsPanelProps extends PanelOptions {
  /** Adds a close button, which calls it. */
  readonly onClose?: () => void
  /** `false`: the panel is not seen at present, so it shows nothing and costs nothing. Default `true`. */
  readonly active?: boolean
}
