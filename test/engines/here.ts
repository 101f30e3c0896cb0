import { describe } from 'vitest'
import { findEtcd, findPostgres } from '../../scripts/find-programs.mjs'

/** `describe`, which skips with its reason where this machine has no PostgreSQL; in CI it must have it. */
export function describePostgres(title: string, define: () => void): void {
  describeWith('PostgreSQL', findPostgres() !== null, title, define)
}

/** `describe`, which skips with its reason where this machine has no etcd; in CI it must have it. */
export function describeEtcd(title: string, define: () => void): void {
  describeWith('etcd', findEtcd() !== null, title, define)
}

function describeWith(engine: string, isHere: boolean, title: string, define: () => void): void {
  if (isHere || process.env.CI) describe(title, define)
  else describe.skip(`${title} (there is no ${engine} on this machine)`, define)
}
