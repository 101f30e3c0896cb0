import type { PageChange } from '../core/ports.ts'

type Listen = readonly [target: EventTarget, type: string, change: (event: Event) => PageChange]

/** Tells what happens to the page; does nothing where there is none. Returns the way to stop. */
export function onPageChange(listener: (change: PageChange) => void): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {}
  const listens: readonly Listen[] = [
    [document, 'visibilitychange', () => (document.visibilityState === 'hidden' ? 'hidden' : 'visible')],
    [document, 'freeze', () => 'frozen'],
    [document, 'resume', () => 'resumed'],
    [window, 'pageshow', () => 'resumed'],
    [window, 'pagehide', () => 'leaving'],
    [window, 'online', () => 'online'],
    [window, 'offline', () => 'offline'],
  ]
  // Capturing listeners on the window run before those of the application, so that it finds the truth.
  const undos = listens.map(([target, type, change]) => {
    const tell = (event: Event) => listener(change(event))
    target.addEventListener(type, tell, { capture: true })
    return () => target.removeEventListener(type, tell, { capture: true })
  })
  return () => {
    for (const undo of undos) undo()
  }
}
