import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

/** What `npm run simulate` runs: bundles the simulator, since Node 20 does not run TypeScript, and starts it. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const directory = await mkdtemp(join(tmpdir(), 'lockable-simulate-'))
try {
  await build({
    configFile: false,
    root: ROOT,
    logLevel: 'warn',
    publicDir: false,
    // Bundled too, since nothing is installed where the bundle is.
    ssr: { noExternal: true },
    build: {
      ssr: join(ROOT, 'test/simulation/main.ts'),
      outDir: directory,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      sourcemap: 'inline',
      rolldownOptions: { output: { entryFileNames: 'simulate.mjs' } },
    },
  })
  await import(pathToFileURL(join(directory, 'simulate.mjs')).href)
} finally {
  await rm(directory, { recursive: true, force: true })
}
