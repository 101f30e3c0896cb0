'use client'

import type { FunctionComponent } from 'react'
import { arrivingLater } from './lazy-devtools.tsx'
import type { LockDevtoolsPanelProps, LockDevtoolsProps } from './types.ts'

export type * from './types.ts'

type Devtools = typeof import('./production.ts')

const NOTHING = Promise.resolve(null)

/**
 * The module with the devtools, or `null` in production.
 *
 * A bundler puts a literal in the place of `process.env.NODE_ENV`. The import is in the branch that it then drops, so
 * that a production build does not even contain the file. Where there is neither a bundler nor a `process`, reading it
 * throws: then the file beside this one in the package is loaded, under a name that no bundler follows.
 */
function load(): Promise<Devtools | null> {
  try {
    return process.env.NODE_ENV === 'production' ? NOTHING : import('./production.ts')
  } catch {
    const besides = './devtools-production.js'
    return import(/* @vite-ignore */ /* webpackIgnore: true */ besides).catch(() => null)
  }
}

/**
 * A button at the edge of the window, and the panel that it opens: what the client's locks do, and why one was lost.
 * Renders nothing in production; see `lockable/devtools/production`.
 */
export const LockDevtools: FunctionComponent<LockDevtoolsProps> = arrivingLater(
  async () => (await load())?.LockDevtools ?? null,
  'LockDevtools',
)

/** The panel as a part of the page, as large as the element around it. Renders nothing in production. */
export const LockDevtoolsPanel: FunctionComponent<LockDevtoolsPanelProps> = arrivingLater(
  async () => (await load())?.LockDevtoolsPanel ?? null,
  'LockDevtoolsPanel',
)
