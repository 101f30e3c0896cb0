import { beforeAll, describe, expect, it } from 'vitest'
import { type RealServer, startServer } from './lock-server.ts'
import { scriptRuntimes, startProgram } from './script-runtimes.ts'

let server: RealServer

beforeAll(async () => {
  server = await startServer({ tokens: 'secret' })
})

for (const runtime of scriptRuntimes) {
  describe(`tryAcquire, tryHeartbeat and tryRelease in ${runtime.name}`, () => {
    it('take the address and the token from the environment', async () => {
      const { code, stdout, stderr } = await startProgram(runtime, 'direct', [`direct-${runtime.name}`], {
        LOCKABLE_URL: server.url,
        LOCKABLE_AUTH_TOKEN: 'secret',
      }).ended
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toEqual({
        acquired: true,
        acquiredAgain: false,
        renewed: true,
        released: true,
        renewedAfterwards: false,
        releasedAgain: false,
      })
    })

    it('are refused without the token', async () => {
      const { stdout } = await startProgram(runtime, 'direct', ['direct'], { LOCKABLE_URL: server.url }).ended
      expect(JSON.parse(stdout)).toEqual({ code: 'authentication' })
    })
  })
}
