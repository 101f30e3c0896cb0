import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../src/server/stores/etcd/base64.ts'

test('every text comes back as it was, also with what looks like a byte order mark, and when it is long', () => {
  for (const text of ['', 'a', '\uFEFFname', 'ä🔒日本', '\0', 'x'.repeat(100_000)]) {
    expect(fromBase64(toBase64(text))).toBe(text)
  }
})
