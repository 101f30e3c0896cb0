import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { buildPages } from './page-app.ts'

/** Builds the pages once for all tests of real browsers. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lockable-pages-')))
  await buildPages(folder)
  project.provide('pages', folder)
  return () => rm(folder, { recursive: true, force: true })
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder in whose `dist` the pages are. */
    pages: string
  }
}
