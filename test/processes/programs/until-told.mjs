/** Resolves when the test has ended the input of this program. */
export async function untilTold() {
  for await (const _ of process.stdin);
}
