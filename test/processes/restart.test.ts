import { describe, expect, it } from 'vitest'
import { beliefsIn, contradictions } from './beliefs.ts'
import { ClientProcess } from './client-process.ts'
import { expectLoss, expectNoLoss } from './expectations.ts'
import { FaultProxy } from './fault-proxy.ts'
import { startServer } from './server-process.ts'

const LEASE_MS = 2_000
const FLAGS = ['--max-lease', `${LEASE_MS}ms`, '--default-lease', `${LEASE_MS}ms`, '--classic-lease', `${LEASE_MS}ms`]

describe.concurrent('a server that was killed and forgot everything', () => {
  it.each(['hears of it', 'is cut off'])('grants nothing while the holder believes, who %s', async (holder) => {
    const name = `restart-${holder.replaceAll(' ', '-')}`
    const server = await startServer(FLAGS)
    const proxy = await FaultProxy.listen(server.url)
    const first = new ClientProcess('hold', proxy.url, name, LEASE_MS)
    await first.told('renewed')
    const second = new ClientProcess('hold', server.url, name, LEASE_MS)
    await second.told('waiting')
    if (holder === 'is cut off') proxy.blackHole()

    await server.kill()
    await startServer([...FLAGS, '--port', new URL(server.url).port, '--grace', `${LEASE_MS}ms`])
    await Promise.all([first.told('onLockLoss'), second.told('granted')])
    await proxy.heal()
    first.go()
    second.go()
    const tales = await Promise.all([first.tale(), second.tale()])
    expectLoss(tales[0], name, holder === 'is cut off' ? ['too-slow', 'offline'] : ['revoked'])
    expectNoLoss(tales[1])
    const beliefs = beliefsIn(tales.flat())
    expect(beliefs).toHaveLength(2)
    expect(contradictions(beliefs)).toEqual([])
  })
})
