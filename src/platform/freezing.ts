import { secret } from './secret.ts'

/**
 * Keeps the browser from freezing this page until what is returned is called; does nothing where that is not known to work.
 *
 * Chromium freezes no page that holds a Web Lock on its main thread (`CannotFreezeReason::kHoldingWebLock` in its freezing
 * policy). The name is unique and the lock shared, so that nobody ever waits for it.
 */
export function preventFreezing(): () => void {
  // Where nothing is frozen, as in Firefox, the lock would only bar the page from the back-forward cache.
  const mayFreeze = typeof document !== 'undefined' && 'onfreeze' in document
  const locks = mayFreeze ? globalThis.navigator?.locks : undefined
  if (!locks) return () => {}
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  // Where the page may not use Web Locks, as in a sandboxed frame, it can be frozen.
  locks.request(`lockable:awake:${secret()}`, { mode: 'shared' }, () => held).catch(() => {})
  return letGo
}
