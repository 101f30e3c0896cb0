import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Child } from './child.ts'
import { consumers } from './consumers.ts'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ATTW = fileURLToPath(new URL('../../node_modules/@arethetypeswrong/cli/dist/index.js', import.meta.url))

it('has nothing that publint complains of', async () => {
  const tarball = await readFile(consumers.tarball)
  const data = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) as ArrayBuffer
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true })
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
})

it('has types that are found in every way of resolving modules', async () => {
  // The worker's file is there to be given to browsers, not to be imported.
  const args = ['--profile', 'esm-only', '--exclude-entrypoints', './worker', '--no-emoji', '--no-color']
  const { code, stdout } = await new Child(process.execPath, [ATTW, consumers.tarball, ...args], { cwd: ROOT }).ended
  expect({ code, stdout }).toMatchObject({ code: 0 })
})

it('contains what users need, and nothing of how it is tested', async () => {
  const { stdout } = await run('tar', ['-tzf', consumers.tarball])
  const files = stdout.split('\n').map((file) => file.replace(/^package\//, ''))
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/cli.js', 'dist/lockable-worker.js']))
  expect(files.filter((file) => /^(src|test|demo|scripts)\/|\.test\./.test(file))).toEqual([])
})

it('names the file of its worker in the words that bundlers know, from wherever its chunk lies', async () => {
  const dist = join(consumers.bare, 'node_modules/lockable/dist')
  const scripts = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith('.js'))
  const named = await Promise.all(scripts.map((file) => workerFilesNamed(join(dist, file))))
  expect(named.flat()).toEqual([join(dist, 'lockable-worker.js')])
})

/** Where the workers lie that `script` starts from a file. */
async function workerFilesNamed(script: string): Promise<string[]> {
  const literal = /new Worker\(new URL\((["'])([^"']+)\1, import\.meta\.url\), \{ type: (["'])module\3 \}\)/g
  const code = await readFile(script, 'utf8')
  return [...code.matchAll(literal)].map(([, , path = '']) => join(dirname(script), path))
}

it('brings no React and no zustand to who does not have them', async () => {
  const installed = await readdir(join(consumers.bare, 'node_modules'))
  expect(installed).toContain('lockable')
  expect(installed.filter((name) => /react|zustand/.test(name))).toEqual([])
})

describe('without a single one of its dependencies', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockable-alone-'))
    const target = join(folder, 'node_modules', 'lockable')
    await mkdir(target, { recursive: true })
    await run('tar', ['-xzf', consumers.tarball, '-C', target, '--strip-components=1'])
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  function importing(entry: string) {
    return new Child(process.execPath, ['--input-type=module', '--eval', `await import('${entry}')`], { cwd: folder })
      .ended
  }

  it('can be imported', async () => {
    expect(await importing('lockable')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('says which one is missing where an entry needs one', async () => {
    const { code, stderr } = await importing('lockable/store')
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("Cannot find package 'zustand'") })
  })
})
