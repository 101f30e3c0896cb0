import { describe, expect, it } from 'vitest'
import { beliefsIn, contradictions } from './beliefs.ts'
import { ClientProcess } from './client-process.ts'
import { expectLoss, expectNoLoss } from './expectations.ts'
import { FaultProxy } from './fault-proxy.ts'
import { markFile, startServer } from './server-process.ts'

const LEASE_MS = 2_000
const HOUR_MS = 3_600_000
/** With a fixed wait, which must be as long as the longest lease. */
const LIMITED = ['max', 'default', 'classic'].flatMap((which) => [`--${which}-lease`, `${LEASE_MS}ms`])

describe.concurrent('a server that was killed and forgot everything', () => {
  it.each([
    { waits: 'as it is told', holder: 'hears of it', clockOffMs: 0 },
    { waits: 'as it is told', holder: 'is cut off', clockOffMs: 0 },
    { waits: 'by its mark', holder: 'hears of it', clockOffMs: 0 },
    { waits: 'by its mark', holder: 'is cut off', clockOffMs: -HOUR_MS },
    { waits: 'by its mark', holder: 'is cut off', clockOffMs: HOUR_MS },
  ])(
    'grants nothing while the holder believes, and waits $waits: the holder $holder, and its clock is off by $clockOffMs ms',
    async ({ waits, holder, clockOffMs }) => {
      const name = `restart ${waits} ${holder} ${clockOffMs}`.replaceAll(' ', '-')
      const mark = ['--mark', markFile(name)]
      const [before, after] =
        waits === 'by its mark' ? [mark, mark] : [LIMITED, [...LIMITED, '--grace', `${LEASE_MS}ms`]]
      const server = await startServer(before)
      const proxy = await FaultProxy.listen(server.url)
      const first = new ClientProcess('hold', proxy.url, name, LEASE_MS)
      await first.told('renewed')
      const second = new ClientProcess('hold', server.url, name, LEASE_MS)
      await second.told('waiting')
      if (holder === 'is cut off') proxy.blackHole()

      await server.kill()
      await startServer(after, { at: server.url, clockOffMs })
      await Promise.all([first.told('onLockLoss'), second.told('granted')])
      await proxy.heal()
      first.go()
      second.go()
      const tales = await Promise.all([first.tale(), second.tale()])
      // On a busy machine the lease of who would hear of it may end before the server is back.
      expectLoss(tales[0], name, ['too-slow', 'offline', ...(holder === 'is cut off' ? [] : ['revoked'])])
      expectNoLoss(tales[1])
      const beliefs = beliefsIn(tales.flat())
      expect(beliefs).toHaveLength(2)
      // Neither that they overlap, nor that the second token is not larger.
      expect(contradictions(beliefs)).toEqual([])
    },
  )
})
