/** A page in a browser, whichever that is. */
export interface Page {
  /** Loads the page at `url`, and resolves when that is done. */
  goto(url: string): Promise<void>
  /** Evaluates a script; resolves to what its promise brings, which must be JSON. */
  evaluate(script: string): Promise<unknown>
  /** Closes it as its user does. */
  close(): Promise<void>
}

/** One user of a browser, with storage and tabs of their own; what a private window is, too. */
export interface User<P extends Page = Page> {
  newPage(): Promise<P>
}

/** A browser as a test drives it. */
export interface Browser<U extends User = User> {
  newUser(): Promise<U>
  /** Stops all of its processes at once, as a machine that goes to sleep does. */
  stop(): void
  /** Lets them go on. */
  resume(): void
  close(): Promise<void>
}
