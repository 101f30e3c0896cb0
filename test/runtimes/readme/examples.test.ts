import { expect, it } from 'vitest'
import { readExamples } from './examples.ts'

const LANGUAGES = { node: 'js', deno: 'ts', browser: 'js', react: 'jsx', bash: 'sh', backend: 'js' }

const BLOCKS = Object.entries(LANGUAGES).map(([kind, language]) => block(`<!-- example: ${kind} -->`, language, kind))

function block(marker: string, language: string, code: string): string {
  return `${marker}\n\`\`\`${language}\n${code}\n\`\`\`\n`
}

function documentWith(...more: string[]): string {
  return ['# Title', '```js\nunmarked()\n```', ...BLOCKS, ...more].join('\n')
}

it('reads the marked blocks', () => {
  const examples = readExamples(documentWith())
  expect(examples).toMatchObject(Object.keys(LANGUAGES).map((kind) => ({ kind, code: `${kind}\n` })))
  expect(examples[0]?.line).toBe(5)
})

it.each([
  ['an unknown kind', block('<!-- example: perl -->', 'js', ''), 'Line 35 must be <!-- example: KIND -->'],
  ['a misspelt marker', block('<!-- Example node -->', 'js', ''), 'Line 35 must be <!-- example: KIND -->'],
  ['a marker without a block', '<!-- example: node -->\nText', 'Line 35 must be followed by a block of js'],
  ['a language that cannot run there', block('<!-- example: node -->', 'ts', ''), 'followed by a block of js'],
  ['a block without an end', '<!-- example: deno -->\n```ts\ncode', 'Line 35: the block does not end'],
])('refuses %s', (_, more, message) => {
  expect(() => readExamples(documentWith(more))).toThrow(message)
})

it.each(Object.keys(LANGUAGES))('misses %s', (kind) => {
  const others = BLOCKS.filter((each) => !each.includes(`example: ${kind} `))
  expect(() => readExamples(others.join('\n'))).toThrow(`There is no example of ${kind}.`)
})
