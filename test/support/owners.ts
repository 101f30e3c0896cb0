import { randomBytes } from 'node:crypto'

/** A fresh owner, as a client makes one for each acquisition. */
export function newOwner(): string {
  return randomBytes(16).toString('base64url')
}
