import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { variableOf } from '../../src/cli/flags.ts'
import { SERVE_FLAGS } from '../../src/cli/serve-flags.ts'

const DOC = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')

/** The rows that the table of settings must have. */
function rows(): string[] {
  return Object.entries(SERVE_FLAGS).map(([name, { placeholder, description, fallback, isList, place }]) => {
    const what = isList ? description.replace('; repeatable', ', repeatable') : description
    const called = place === 'hidden' ? variableOf(name) : `--${name}${placeholder === null ? '' : ` ${placeholder}`}`
    return `| \`${called}\` | ${what} | ${fallback === undefined ? '' : `\`${fallback}\``} |`.replace('|  |', '| |')
  })
}

it('docs/operations.md has every setting of lockable serve, as the command describes it', () => {
  const documented = DOC.split('\n').filter((line) => /^\| `(--|LOCKABLE_)/.test(line))
  expect(documented.sort()).toEqual(rows().sort())
})
