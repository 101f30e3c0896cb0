/** The command was called wrongly; the message names what is wrong and how to mend it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
