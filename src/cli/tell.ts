/** Writes a line for people. */
export function tell(text: string): void {
  process.stderr.write(`lockable: ${text}\n`)
}
