import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Mutant } from './mutant.ts'
import { runOptionsOf, worldOf } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { type Dialect, type Plan, planOf, type StoreKind, type WorldOptions } from './plan.ts'
import { shrink } from './shrink.ts'
import { runPlan } from './world.ts'

const HELP = `Runs the client and the server through random schedules of faults, in virtual time.

  npm run simulate -- [--seeds N] [--from SEED]   N schedules from a seed on (default 1000 from 1)
  npm run simulate -- --replay SEED               one schedule, twice, with its trace
  --dialect owned|classic   only such worlds
  --seam plain|handler      plain objects (default), or real Request and Response objects
  --classic-server ours|unknown-path|takes-post   what a classic server makes of a POST
  --store KIND[,KIND]       where locks live: grace (in memory, restarts wait as long as they are told), mark (in
                            memory, restarts wait as long as a mark tells), durable (they come back), remote (on
                            another machine, so that only the server restarts), shared (in a log on another machine,
                            which several servers follow). Default: drawn from all but the last
  --sessions yes|no         only servers that know sessions, or that do not. Default: drawn
  --adverse                 clocks are as far off as is promised to bear
  --workers                 all clients of ours beat in a worker; some die
  --quiet                   nothing goes wrong but restarts and workers that die
  --mutant NAME             with a rule broken on purpose; "all": how often each is caught
  --keep-going              do not stop at the first seed that fails
`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    replay: { type: 'string' },
    dialect: { type: 'string' },
    seam: { type: 'string' },
    'classic-server': { type: 'string' },
    store: { type: 'string' },
    sessions: { type: 'string' },
    adverse: { type: 'boolean' },
    workers: { type: 'boolean' },
    quiet: { type: 'boolean' },
    mutant: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const classicServer = values['classic-server'] as Plan['classicServer'] | undefined
const world: WorldOptions = {
  ...(classicServer === undefined ? {} : { classicServers: [classicServer] }),
  ...(values.dialect === undefined ? {} : { dialect: values.dialect as Dialect }),
  ...(values.seam === undefined ? {} : { seam: values.seam as Plan['seam'] }),
  ...(values.store === undefined ? {} : { stores: values.store.split(',') as StoreKind[] }),
  ...(values.sessions === undefined ? {} : { hasSessions: values.sessions === 'yes' }),
  ...(values.adverse === undefined ? {} : { isAdverse: values.adverse }),
  ...(values.quiet === undefined ? {} : { isQuiet: values.quiet }),
  ...(values.workers === undefined ? {} : { hasWorkers: values.workers }),
}

async function replay(seed: number, mutant?: Mutant): Promise<boolean> {
  const options = mutant === undefined ? {} : runOptionsOf(mutant)
  const plan = planOf(seed, mutant === undefined ? world : { ...worldOf(mutant), ...world })
  const first = await runPlan(plan, options)
  if (first.violations.length === 0 && !values.verbose && values.replay === undefined) return true
  const { plan: least, dropped } = first.violations.length > 0 ? await shrink(plan, options) : { plan, dropped: 0 }
  const shown = await runPlan(least, { ...options, verbose: true })
  const again = await runPlan(least, options)
  for (const line of shown.lines) say(line)
  const { faults, actions, names: _names, ...rest } = least
  say(`\n${JSON.stringify(rest)}`)
  for (const fault of faults) say(`fault  ${JSON.stringify(fault)}`)
  for (const action of actions) say(`action ${JSON.stringify(action)}`)
  for (const { rule, at, detail } of shown.violations)
    say(`\nBROKEN at ${(at / 1000).toFixed(3)} s: ${rule}: ${detail}`)
  const same = shown.hash === again.hash ? 'the same' : `ANOTHER (${again.hash})`
  say(
    `\nseed ${seed}: hash ${first.hash}; ${dropped} faults and actions dropped; then ${shown.hash}, and ${same} when run again`,
  )
  return shown.violations.length === 0
}

async function search(from: number, count: number): Promise<boolean> {
  const begun = performance.now()
  const totals = { requests: 0, grants: 0, sessions: 0, heard: 0, events: 0, trueMs: 0 }
  const failed: number[] = []
  let ran = 0
  for (let seed = from; seed < from + count; seed += 1) {
    const outcome = await runPlan(planOf(seed, world))
    ran += 1
    for (const key of ['requests', 'grants', 'sessions', 'heard', 'events', 'trueMs'] as const)
      totals[key] += outcome[key]
    const [first] = outcome.violations
    if (first === undefined) continue
    failed.push(seed)
    say(`seed ${seed}: ${first.rule}: ${first.detail}`)
    if (!values['keep-going']) break
  }
  const seconds = (performance.now() - begun) / 1000
  say(
    `${ran} schedules in ${seconds.toFixed(1)} s (${Math.round(ran / seconds)} a second), ${totals.requests} requests, ${totals.grants} grants, ` +
      `${totals.sessions} sessions, ${totals.heard} events heard on streams, ${totals.events} events, ${Math.round(totals.trueMs / 3_600_000)} virtual hours; ${failed.length} failed`,
  )
  const [worst] = failed
  if (worst !== undefined && !values['keep-going']) await replay(worst)
  return failed.length === 0
}

async function judgeMutants(from: number, count: number): Promise<boolean> {
  let areAllCaught = true
  const wanted = MUTANTS.filter(({ name }) => values.mutant === 'all' || name === values.mutant)
  for (const mutant of wanted) {
    const { name, rules: allowed } = mutant
    const rules = new Map<string, number>()
    let first: number | null = null
    let caught = 0
    for (let seed = from; seed < from + count; seed += 1) {
      const plan = planOf(seed, { ...worldOf(mutant), ...world })
      const [violation] = (await runPlan(plan, runOptionsOf(mutant))).violations
      if (violation === undefined) continue
      first ??= seed
      caught += 1
      rules.set(violation.rule, (rules.get(violation.rule) ?? 0) + 1)
    }
    areAllCaught &&= caught > 0
    const by = [...rules]
      .map(([rule, times]) => `${rule}${allowed.some((each) => each === rule) ? '' : ' (!)'} ${times}`)
      .join(', ')
    say(`${name.padEnd(48)} ${String(caught).padStart(5)} of ${count}, first ${first}  (${by})`)
  }
  return areAllCaught
}

if (values.help) say(HELP)
else {
  const isFine =
    values.replay !== undefined
      ? await replay(
          Number(values.replay),
          MUTANTS.find(({ name }) => name === values.mutant),
        )
      : values.mutant !== undefined
        ? await judgeMutants(Number(values.from), Number(values.seeds))
        : await search(Number(values.from), Number(values.seeds))
  process.exitCode = isFine ? 0 : 1
}
