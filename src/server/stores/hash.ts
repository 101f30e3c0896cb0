/** A whole number of 32 bits (FNV-1a, by UTF-16 units): it tells damage from chance, not from malice. */
export function hash(text: string): number {
  let mixed = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193)
  return mixed >>> 0
}
