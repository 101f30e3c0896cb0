import { beforeAll, expect, it } from 'vitest'
import { askStatus, type RealServer, startServer, waitForGrant } from './lock-server.ts'
import { scriptRuntimes, startProgram } from './script-runtimes.ts'

const LEASE_MS = 3_000

let server: RealServer

beforeAll(async () => {
  server = await startServer()
})

for (const runtime of scriptRuntimes) {
  it.concurrent(`${runtime.name} ends by itself while it holds a lock, which then expires`, async () => {
    const name = `exit-${runtime.name}`
    const program = startProgram(runtime, 'leave-held', [server.url, name, String(LEASE_MS)])
    expect(await program.ended).toEqual({ code: 0, stdout: '{"state":"held"}\n', stderr: '' })
    // Nothing but the end of its lease can free it now.
    expect(await askStatus(server.url, name)).toMatchObject({ state: 'held' })
    expect(await waitForGrant(server.url, name, 5 * LEASE_MS)).toBe(true)
  })
}
