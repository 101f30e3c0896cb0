import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runnerImport } from 'vite'
import { provideEtcd } from './provide-etcd.mjs'
import { providePostgres } from './provide-postgres.mjs'
import { say } from './say.mjs'

/** What `npm run chaos` runs: the harness, through Vite, since Node 20 does not run TypeScript. */

const args = process.argv.slice(2)
try {
  const { store } = parseArgs({ args, strict: false, options: { store: { type: 'string' } } }).values
  if (store === 'postgres') await providePostgres()
  if (store === 'etcd') await provideEtcd()
  const { module } = await runnerImport(fileURLToPath(new URL('../test/chaos/main.ts', import.meta.url)), {
    configFile: false,
    root: fileURLToPath(new URL('..', import.meta.url)),
    logLevel: 'warn',
  })
  process.exit(await module.main(args))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
