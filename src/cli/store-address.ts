import { UsageError } from './usage-error.ts'
import type { ReadValue } from './values.ts'

/** Where locks live. */
export type StoreAddress =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'etcd'; readonly url: string }

export const readStore: ReadValue<StoreAddress> = (text, source) => {
  if (text === 'memory') return { kind: 'memory' }
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? []
  if (scheme === 'file' && rest !== '') return { kind: 'file', path: rest }
  if (/^postgres(ql)?$/.test(scheme) && rest.startsWith('//')) return { kind: 'postgres', url: text }
  if (/^etcds?$/.test(scheme) && rest.startsWith('//')) return { kind: 'etcd', url: text }
  throw new UsageError(
    `${source} is ${JSON.stringify(showStore(text))}: give memory, file:FOLDER, postgres://HOST/DATABASE or etcd://HOST:PORT.`,
  )
}

/** The address without a user's name and password, and without parameters, where they may be as well. */
export function showStore(text: string): string {
  return text.replace(/^([a-z]+:\/\/)[^/]*@/s, '$1…@').replace(/^([a-z]+:\/\/[^?]*)\?.*$/s, '$1?…')
}
