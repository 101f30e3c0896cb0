import { parseArgs } from 'node:util'
import { runChaos } from './run-chaos.ts'

const HELP = `Lets servers, clients, the network and the engine behind the servers fail at random moments, with real
processes in real time, and judges what the clients believed. Needs npm run build.

  npm run chaos -- [--seconds N]   how long (default 60)
  --store STORE     memory (default), file, postgres, etcd; or forgetful, which is broken on purpose
  --seed S          of what happens when (default: drawn, and told)
  --servers N       on one store, if it can be shared (default 2)
  --clients N       (default 8)
  --locks N         that they contend for at a time (default 4)
  --overstay        clients go on as if they held when they do not: broken on purpose
`
const MOST_SHOWN = 10

/** Does what the command line says; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      store: { type: 'string', default: 'memory' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      servers: { type: 'string', default: '2' },
      clients: { type: 'string', default: '8' },
      locks: { type: 'string', default: '4' },
      overstay: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    say(HELP)
    return 0
  }
  const { store, overstay: overstays } = values
  const seed = Number(values.seed)
  const [seconds, servers, clients, locks] = [values.seconds, values.servers, values.clients, values.locks].map(Number)
  if (!isCount(seconds) || !isCount(servers) || !isCount(clients) || !isCount(locks) || !Number.isInteger(seed)) {
    say(`--seconds, --servers, --clients and --locks need a number above 0, and --seed a whole one.\n\n${HELP}`)
    return 2
  }
  say(`${store}, ${seconds} s, seed ${seed}`)
  const report = await runChaos({ store, seconds, seed, servers, clients, locks, overstays })
  const { figures, violations, troubles, logs } = report
  for (const line of figures) say(line)
  say(`violations: ${violations.length}`)
  for (const { rule, detail } of violations.slice(0, MOST_SHOWN)) say(`BROKEN: ${rule}: ${detail}`)
  for (const trouble of troubles.slice(0, MOST_SHOWN)) say(`FAILED: ${trouble}`)
  if (logs === null) return 0
  say(`Seed ${seed}. The logs are in ${logs}`)
  return 1
}

function isCount(number: number | undefined): number is number {
  return number !== undefined && number > 0 && Number.isFinite(number)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
