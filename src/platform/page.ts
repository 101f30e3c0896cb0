import type { PageChange } from '../core/ports.ts'

type Listen = readonly [type: string, change: (event: Event) => PageChange | null]

/** ms that it takes Firefox to hand over a request of a page that has no worker; without them it is often lost. */
const LINGER_MS = 3

/** Tells what happens to the page; does nothing where there is none. Returns the way to stop. */
export function onPageChange(listener: (change: PageChange) => void): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {}
  const listens: readonly Listen[] = [
    ['visibilitychange', () => (document.visibilityState === 'hidden' ? 'hidden' : 'visible')],
    ['freeze', () => 'frozen'],
    ['resume', () => 'resumed'],
    // Not the first time, when it has just been loaded.
    ['pageshow', (event) => ((event as PageTransitionEvent).persisted ? 'resumed' : null)],
    ['pagehide', () => 'leaving'],
    ['online', () => 'online'],
    ['offline', () => 'offline'],
  ]
  // Capturing listeners on the window run first, but for those that the application made there before: it finds the truth.
  const undos = listens.map(([type, change]) => {
    const tell = (event: Event) => {
      const told = change(event)
      if (told !== null) listener(told)
    }
    window.addEventListener(type, tell, { capture: true })
    return () => window.removeEventListener(type, tell, { capture: true })
  })
  return () => {
    for (const undo of undos) undo()
  }
}

/** Gives requests that were just sent the time to get out of a page that is about to go. */
export function linger(): void {
  if (typeof window === 'undefined') return
  const end = performance.now() + LINGER_MS
  while (performance.now() < end);
}
