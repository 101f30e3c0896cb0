import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseSync } from 'vite'
import { describe, expect, it } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/** The arrows: what each folder of `src` may import, besides itself. `.` is the package's entry beside the folders. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  core: ['protocol'],
  platform: ['core', 'protocol'],
  heartbeat: ['platform', 'core', 'protocol'],
  '.': ['heartbeat', 'platform', 'core', 'protocol'],
  store: ['.', 'zustand'],
  react: ['.', 'store', 'react', 'zustand'],
  devtools: ['.', 'store', 'react', 'react-dom', 'zustand'],
  server: [
    'protocol',
    'hono',
    '@hono/node-server',
    'valibot',
    'jose',
    '@valibot/to-json-schema',
    'classic-level',
    'pg',
    'node:',
  ],
  cli: ['.', 'platform', 'core', 'server', 'protocol', 'node:', 'pino', 'prom-client'],
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))

/** The folder of `src` that a file is in. */
function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '.') : '.'
}

/** What a file imports: folders of `src`, packages, and `node:` for the modules of Node. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), 'utf8')
  const { staticImports, staticExports, dynamicImports } = parseSync(file, text).module
  const specifiers = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest?.value ?? file)),
    ...dynamicImports
      .map(({ moduleRequest: { start, end } }) => text.slice(start, end))
      .flatMap((literal) => /^'(.*)'$/.exec(literal)?.[1] ?? []),
  ].filter((specifier) => specifier !== file)
  return specifiers.map((specifier) => {
    if (specifier.startsWith('.')) return folderOf(relative(SOURCE, join(SOURCE, dirname(file), specifier)))
    if (specifier.startsWith('node:')) return 'node:'
    return specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '')
  })
}

describe('the arrows between the folders of src', () => {
  it('are written down for every folder', () => {
    expect(Object.keys(MAY_IMPORT)).toEqual(expect.arrayContaining([...new Set(files.map(folderOf))]))
  })

  it.each(files)('point one way in %s', (file) => {
    const folder = folderOf(file)
    const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])]
    for (const imported of importsOf(file)) expect(allowed, `${file} imports ${imported}`).toContain(imported)
  })
})
