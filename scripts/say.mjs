/**
 * Writes a line to the output.
 *
 * @param {string} text
 */
export function say(text) {
  process.stdout.write(`${text}\n`)
}
