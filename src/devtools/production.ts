/**
 * The devtools whatever the environment, for those who want them in production.
 *
 * @module
 */
export { LockDevtools } from './lock-devtools.tsx'
export { LockDevtoolsPanel } from './lock-devtools-panel.tsx'
export type * from './types.ts'
