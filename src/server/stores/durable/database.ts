/** Sets a key, or deletes it where the value is `null`. */
export interface Operation {
  readonly key: string
  readonly value: string | null
}

export type Entry = readonly [key: string, value: string]

/** All that a durable store needs of the engine that keeps its records. */
export interface Database {
  /**
   * Carries out all of `operations` or none, and after those of every earlier commit: what a crash takes away is the
   * end of it all. Called one at a time.
   *
   * @param isLasting `true`: resolves when that, and all before, would survive a crash of the machine; otherwise it
   * need only survive that of the process.
   */
  commit(operations: readonly Operation[], isLasting: boolean): Promise<void>
  close(): Promise<void>
}
