/**
 * What one stranger has of addresses: of IPv4 one, of IPv6 the 2^64 that begin alike. Anything else is taken as it is.
 */
export function neighbourhoodOf(address: string): string {
  const [bare = ''] = address.toLowerCase().split('%')
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare) ?? []
  if (mapped !== undefined) return mapped
  return /^[\da-f:.]*:[\da-f:.]*$/.test(bare) ? `${prefixOf(bare)}::/64` : bare
}

function prefixOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // The last may be an IPv4 address, which is as long as two groups.
  const missing = 8 - groups.length - after.length - (after.at(-1)?.includes('.') ? 1 : 0)
  const filled = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...after]
  return filled
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
