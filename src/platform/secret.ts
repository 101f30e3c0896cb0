const SECRET_BYTES = 16

/** 128 random bits, base64url: nobody guesses it, and nobody else draws it. */
export function secret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
