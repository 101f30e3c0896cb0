import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { workerSource } from '../../scripts/vite-worker-source.ts'

const SOURCE = fileURLToPath(new URL('page/', import.meta.url))

/** Builds the pages into the `dist` of `folder`, as the application of a user would be. */
export async function buildPages(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: SOURCE,
    base: './',
    logLevel: 'warn',
    plugins: [workerSource()],
    // The package says that its scripts do nothing by being imported, but the one that `mortal-worker.ts` imports does.
    worker: { format: 'es', rolldownOptions: { treeshake: false } },
    build: {
      outDir: `${folder}/dist`,
      emptyOutDir: true,
      target: 'es2022',
      minify: false,
      rolldownOptions: { input: [`${SOURCE}index.html`, `${SOURCE}elsewhere.html`] },
    },
  })
}
