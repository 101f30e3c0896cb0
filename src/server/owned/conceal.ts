import type { Access } from '../auth/access.ts'

/** `reply` without who holds, for those who may lock `name` and not look. */
export function conceal<Reply extends object>(reply: Reply, access: Access, name: string): Reply {
  if (!('holders' in reply) || access.allows('inspect', name)) return reply
  const { holders: _holders, ...rest } = reply
  return rest as Reply
}
