import { expect, test } from 'vitest'
import { inChunks } from '../../src/server/stores/etcd/chunks.ts'

test('a text in chunks is the same again, and no character is cut in half', () => {
  for (const text of ['', 'abc', '🔒🔒🔒🔒', 'a🔒🔒b', '🔒a🔒', `${'x'.repeat(5)}🔒`]) {
    for (const size of [1, 2, 3, 4]) {
      const chunks = inChunks(text, size)
      expect(chunks.join('')).toBe(text)
      for (const chunk of chunks) expect(new TextDecoder().decode(new TextEncoder().encode(chunk))).toBe(chunk)
    }
  }
})
