import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RealServer, startServer } from './lock-server.ts'
import { deno, startProgram } from './script-runtimes.ts'

let server: RealServer
let folder: string

beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'lockable-permissions-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a program with nothing but the network, and tells which permissions it made Deno look for. */
async function permissionsOf(program: string, ...args: string[]): Promise<{ permissions: string[]; stderr: string }> {
  const log = join(folder, `${program}.jsonl`)
  const onlyServer = { ...deno, args: ['run', '--no-lock', `--allow-net=${new URL(server.url).host}`] }
  const child = startProgram(onlyServer, program, args, { DENO_AUDIT_PERMISSIONS: log })
  child.go()
  const { code, stderr } = await child.ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  const used = lines.map((line): { permission: string } => JSON.parse(line))
  return { permissions: [...new Set(used.map(({ permission }) => permission))], stderr }
}

it('asks Deno for the network only, and so never prompts', async () => {
  expect(await permissionsOf('hold', server.url, 'permissions')).toMatchObject({ permissions: ['net'] })
})

it('would be seen asking for more', async () => {
  expect(await permissionsOf('ask-environment')).toMatchObject({ permissions: ['env'] })
})
