import { readFile } from 'node:fs/promises'
import { it } from 'vitest'
import { startServer } from '../lock-server.ts'
import { readExamples } from './examples.ts'
import { runExample } from './run-example.ts'

const README = new URL('../../../README.md', import.meta.url)

for (const example of readExamples(await readFile(README, 'utf8'))) {
  it(`runs the ${example.kind} example in line ${example.line} of the README`, async () => {
    // A server for each: the examples use the same names, and some hold their lock to the end.
    const server = await startServer()
    try {
      await runExample(example, server.url)
    } finally {
      await server.process.kill()
    }
  })
}
