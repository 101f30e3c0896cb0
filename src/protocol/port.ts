/** The port of `lockable serve`. */
export const DEFAULT_PORT = 5625
