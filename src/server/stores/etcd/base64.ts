/** So many bytes at once are few enough arguments for any runtime. */
const CHUNK = 8_192

/** UTF-8 in Base64. */
export function toBase64(text: string): string {
  const bytes = new TextEncoder().encode(text)
  let binary = ''
  for (let at = 0; at < bytes.length; at += CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return btoa(binary)
}

export function fromBase64(base64: string): string {
  // What looks like a byte order mark is a part of the text.
  return new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(
    Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  )
}
