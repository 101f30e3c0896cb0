/// <reference lib="esnext.disposable" preserve="true" />

/**
 * `Symbol.asyncDispose`, or what compilers of `await using` look for where a browser does not have it yet.
 *
 * The reference above is for whoever compiles against our types with an older `lib`.
 */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose)
