/**
 * For how long a token is good that says so itself, in ms: a JWT with the claims `iat` and `exp`. `null` for all others.
 *
 * Only the difference of the two counts, so no clock of another machine is compared with one of ours.
 */
export function lifeOf(token: string): number | null {
  const [, payload, signature] = token.split('.')
  if (payload === undefined || signature === undefined) return null
  try {
    const { iat, exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    const ms = (exp - iat) * 1000
    return ms > 0 ? ms : null
  } catch {
    return null
  }
}
