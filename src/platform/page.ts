import type { PageChange } from '../core/ports.ts'

type Listen = readonly [type: string, change: (event: Event) => PageChange | null]

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
  const undos = listens.map(([type, change]) => {
    const tell = once((event) => {
      const told = change(event)
      if (told !== null) listener(told)
    })
    // Capturing listeners on the window run first, but for those that the application made there before: it finds the truth.
    window.addEventListener(type, tell, { capture: true })
    // Firefox cuts a listener off in the middle when a tab is closed, but calls the next one all the same.
    if (type === 'pagehide') window.addEventListener(type, tell)
    return () => {
      window.removeEventListener(type, tell, { capture: true })
      window.removeEventListener(type, tell)
    }
  })
  return () => {
    for (const undo of undos) undo()
  }
}

/** Does nothing for an event for which `listener` has returned before. */
function once(listener: (event: Event) => void): (event: Event) => void {
  let done: Event | null = null
  return (event) => {
    if (event === done) return
    listener(event)
    done = event
  }
}
