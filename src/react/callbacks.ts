/** Calls every item; what one of them throws is reported as uncaught and keeps nothing from the others. */
export function callEach<Item>(items: Iterable<Item>, call: (item: Item) => void): void {
  for (const item of [...items]) {
    try {
      call(item)
    } catch (error) {
      report(error)
    }
  }
}

/** `promise`, whose rejection need not be handled since it is told in another way too. */
export function markHandled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  // biome-ignore lint/suspicious/noConsole: an exception of the application must not vanish where nothing else takes it
  else console.error('A callback of useLock threw:', error)
}
