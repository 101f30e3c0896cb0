/** Tells a mistake to the developer; silent in a production build. */
export function warnInDevelopment(message: string): void {
  // biome-ignore lint/suspicious/noConsole: meant for the console of the developer
  if (isDevelopment()) console.warn(`lockable: ${message}`)
}

/** Bundlers replace `process.env.NODE_ENV`; without one there is no `process` in a browser, and nobody said production. */
function isDevelopment(): boolean {
  try {
    return process.env.NODE_ENV !== 'production'
  } catch {
    return true
  }
}
