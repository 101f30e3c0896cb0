/** What compilers of `await using` look for where a browser does not have the symbol yet. */
const ASYNC_DISPOSE: symbol = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

/**
 * Gives the objects of a class what `await using` needs. Not as a method of the class: that would have the name
 * `undefined` in a browser without the symbol.
 */
export function makeDisposable<T extends object>(prototype: T, dispose: (object: T) => Promise<unknown>): void {
  async function disposeThis(this: T): Promise<void> {
    await dispose(this)
  }
  Object.defineProperty(prototype, ASYNC_DISPOSE, { value: disposeThis, configurable: true, writable: true })
}
