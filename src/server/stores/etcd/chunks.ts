/** The high half of a character that takes two units of UTF-16: alone it is no text. */
const HIGH_HALF = /[\uD800-\uDBFF]$/

/** `text` in pieces of `size` units of UTF-16, or one more where a character would be cut in half. */
export function inChunks(text: string, size: number): string[] {
  const chunks: string[] = []
  for (let from = 0; from < text.length; from += chunks.at(-1)?.length ?? 0) {
    const chunk = text.slice(from, from + size)
    chunks.push(HIGH_HALF.test(chunk) ? text.slice(from, from + size + 1) : chunk)
  }
  return chunks
}
