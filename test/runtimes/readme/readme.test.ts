import { readFile } from 'node:fs/promises'
import { beforeAll, it } from 'vitest'
import { type RealServer, startServer } from '../lock-server.ts'
import { readExamples } from './examples.ts'
import { runExample } from './run-example.ts'

const README = new URL('../../../README.md', import.meta.url)

let server: RealServer

beforeAll(async () => {
  server = await startServer()
})

for (const example of readExamples(await readFile(README, 'utf8'))) {
  it(`runs the ${example.kind} example in line ${example.line} of the README`, async () => {
    await runExample(example, server.url)
  })
}
