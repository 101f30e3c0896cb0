import { posix } from 'node:path'
import type { Plugin } from 'vite'

const IN_SOURCE = "new URL('./worker.ts', import.meta.url)"
/** As wide as what it stands for, so that the source map of the module stays true. */
const IN_BETWEEN = '__WORKER_FILE__'.padEnd(IN_SOURCE.length, '_')
const FILE = 'lockable-worker.js'

/**
 * Keeps `new Worker(new URL('./worker.ts', import.meta.url), …)` in the built library, where it names the file
 * `lockable-worker.js` from wherever its chunk lies.
 *
 * Vite itself would bundle the worker once more, and name it in a way that the bundlers of users do not recognise.
 */
export function workerFileUrl(): Plugin {
  return {
    name: 'worker-file',
    enforce: 'pre',
    apply: ({ build }, { command }) => command === 'build' && Boolean(build?.lib),
    config: () => ({ build: { rolldownOptions: { experimental: { nativeMagicString: true } } } }),
    transform(code) {
      return code.includes(IN_SOURCE) ? { code: code.replace(IN_SOURCE, IN_BETWEEN), map: null } : null
    },
    renderChunk(code, { fileName }, _options, { magicString }) {
      if (!code.includes(IN_BETWEEN)) return null
      // It writes the source map of what is replaced.
      if (magicString === undefined) throw new Error('Rolldown brings no magic string; is it still experimental?')
      return { code: magicString.replace(IN_BETWEEN, `new URL('${pathFrom(fileName)}', import.meta.url)`) }
    },
  }
}

/** To the worker's file, from a chunk whose path in the same folder is `chunk`. */
function pathFrom(chunk: string): string {
  const path = posix.relative(posix.dirname(chunk), FILE)
  return path.startsWith('.') ? path : `./${path}`
}
