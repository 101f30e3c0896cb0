import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Counter } from './counter.ts'
import { type RealServer, startServer } from './lock-server.ts'
import { bun, deno, node, startProgram } from './script-runtimes.ts'

const PROCESSES = [node, node, deno, bun]
const EACH = 40

let server: RealServer
let counter: Counter

beforeAll(async () => {
  server = await startServer()
})

beforeEach(async () => {
  counter = await Counter.listen(PROCESSES.length)
})

afterEach(() => counter.close())

async function increment(manner: 'locked' | 'unlocked'): Promise<void> {
  const programs = PROCESSES.map((runtime) =>
    startProgram(runtime, 'increment', [server.url, counter.url, String(EACH), manner]),
  )
  for (const program of programs) expect(await program.ended).toEqual({ code: 0, stdout: '', stderr: '' })
}

it('lets four processes of three runtimes count without a mistake, in the order of their fencing tokens', async () => {
  await increment('locked')
  expect(counter.value).toBe(PROCESSES.length * EACH)
  const tokens = counter.tokens.map(Number)
  expect(tokens).toHaveLength(PROCESSES.length * EACH)
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
})

it('is needed: without the lock they overwrite each other', async () => {
  await increment('unlocked')
  expect(counter.value).toBeLessThan(PROCESSES.length * EACH)
})
