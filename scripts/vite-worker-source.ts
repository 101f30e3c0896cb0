import { build, type Plugin } from 'vite'

const QUERY = '?source'
const PREFIX = '\0worker-source:'

/**
 * `import source from './worker.ts?source'`: the module with all that it imports, as one string of script.
 *
 * The package starts its worker from this string, which needs nothing of the application's bundler; a separate file
 * would have to be found again by each of them in its own way.
 */
export function workerSource(): Plugin {
  return {
    name: 'worker-source',
    enforce: 'pre',
    async resolveId(id, importer) {
      if (!id.endsWith(QUERY)) return
      const resolved = await this.resolve(id.slice(0, -QUERY.length), importer, { skipSelf: true })
      return resolved && `${PREFIX}${resolved.id}.js`
    },
    async load(id) {
      if (!id.startsWith(PREFIX)) return
      const entry = id.slice(PREFIX.length, -'.js'.length)
      const output = await build({
        configFile: false,
        logLevel: 'silent',
        publicDir: false,
        build: {
          write: false,
          minify: true,
          target: 'es2022',
          modulePreload: false,
          lib: { entry, formats: ['iife'], name: '_', fileName: 'worker' },
        },
      })
      const bundle = Array.isArray(output) ? output[0] : output
      if (!bundle || !('output' in bundle)) throw new Error(`${entry}: Vite started a watcher instead of a build`)
      for (const module of bundle.output[0].moduleIds ?? []) this.addWatchFile(module)
      return { code: `export default ${JSON.stringify(bundle.output[0].code)}`, moduleType: 'js' }
    },
  }
}
