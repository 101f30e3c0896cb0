import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Child } from './child.ts'
import { consumers } from './consumers.ts'

/** The script of the Vite that the library is developed with. */
export const VITE = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url))
const INSTALLED = join(consumers.web, 'node_modules/.bin')

/** Builds the application in `folder` into its `dist`, as its author would. */
export async function buildWithVite(folder: string): Promise<void> {
  await buildSilently(process.execPath, [VITE, 'build', '--logLevel', 'warn'], folder)
}

/** As {@link buildWithVite}; `index.html` starts `main.js`, and each of `moreEntries` becomes a script besides. */
export async function buildWithEsbuild(folder: string, moreEntries: readonly string[] = []): Promise<void> {
  await esbuild(folder, 'esm', moreEntries)
}

/** As {@link buildWithEsbuild}, for pages that start `main.js` as a classic script. */
export async function buildWithEsbuildAsClassic(folder: string): Promise<void> {
  await esbuild(folder, 'iife', [])
}

/** As {@link buildWithEsbuildAsClassic}. */
export async function buildWithWebpack(folder: string): Promise<void> {
  const args = ['--mode=production', '--entry=./main.js', '--output-path=dist', '--stats=errors-warnings']
  const output = await build(join(INSTALLED, 'webpack'), args, folder)
  expect(output).toBe('webpack compiled successfully')
  await copyPage(folder)
}

async function esbuild(folder: string, format: 'esm' | 'iife', moreEntries: readonly string[]): Promise<void> {
  const options = ['--bundle', `--format=${format}`, '--target=es2022', '--outdir=dist', '--log-level=warning']
  await buildSilently(join(INSTALLED, 'esbuild'), ['main.js', ...moreEntries, ...options], folder)
  await copyPage(folder)
}

function copyPage(folder: string): Promise<void> {
  return copyFile(join(folder, 'index.html'), join(folder, 'dist', 'index.html'))
}

/** A build that warns about the package is no good build. */
async function buildSilently(command: string, args: readonly string[], folder: string): Promise<void> {
  expect(await build(command, args, folder)).toBe('')
}

/** Resolves to what it wrote. */
async function build(command: string, args: readonly string[], folder: string): Promise<string> {
  const { code, stdout, stderr } = await new Child(command, args, { cwd: folder }).ended
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  return `${stdout}${stderr}`.trim()
}
