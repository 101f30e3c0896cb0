import { beforeAll, expect, it } from 'vitest'
import { askStatus, isFree, type RealServer, startServer } from './lock-server.ts'
import { scriptRuntimes, startProgram } from './script-runtimes.ts'

let server: RealServer

beforeAll(async () => {
  server = await startServer()
})

for (const runtime of scriptRuntimes) {
  it(`${runtime.name} takes a lock, keeps it from a worker while the main thread is busy, and releases it`, async () => {
    const name = `hold-${runtime.name}`
    const program = startProgram(runtime, 'hold', [server.url, name])
    const [held] = await program.line(/^.*"held".*$/)
    const token = (await askStatus(server.url, name)).fencing_token
    expect(JSON.parse(held)).toEqual({ state: 'held', thread: 'worker', caughtUpInTime: true, token })
    expect(await isFree(server.url, name)).toBe(false)

    program.go()
    const { stdout, ...end } = await program.ended
    expect(end).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('{"state":"released","released":true}')
    expect(await isFree(server.url, name)).toBe(true)
  })
}
