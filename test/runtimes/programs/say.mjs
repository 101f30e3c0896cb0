/** Tells the test something, as one line of JSON. */
export function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
