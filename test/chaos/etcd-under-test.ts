import { setTimeout as sleep } from 'node:timers/promises'
import { Etcd, type EtcdMember } from '../engines/etcd.ts'
import type { Random } from '../simulation/random.ts'
import type { StoreUnderTest } from './store-under-test.ts'

const OUTAGE_MS = { least: 0, most: 1_500 }
const SILENCE_MS = { least: 300, most: 3_000 }

/** A cluster of three. */
export async function openEtcd(): Promise<StoreUnderTest> {
  const etcd = await Etcd.start({ members: 3 })
  return {
    flags: ['--store', etcd.url],
    leaseMs: 2_000,
    mostServers: Number.POSITIVE_INFINITY,
    mayForget: false,
    faults: [
      { kind: 'etcd: leader killed', suffer: async (random, isDown) => restart([await etcd.leader()], random, isDown) },
      {
        kind: 'etcd: a member killed',
        suffer: (random, isDown) => restart([random.pick(etcd.members)], random, isDown),
      },
      { kind: 'etcd: leader stopped', suffer: async (random, isDown) => silence(await etcd.leader(), random, isDown) },
      { kind: 'etcd: all killed', suffer: (random, isDown) => restart(etcd.members, random, isDown) },
    ],
    stop: () => etcd.stop(),
  }
}

async function restart(members: readonly EtcdMember[], random: Random, isDown: () => void): Promise<void> {
  await Promise.all(members.map((member) => member.kill()))
  isDown()
  await sleep(random.between(OUTAGE_MS.least, OUTAGE_MS.most))
  await Promise.all(members.map((member) => member.restart()))
}

async function silence(member: EtcdMember, random: Random, isDown: () => void): Promise<void> {
  member.pause()
  isDown()
  await sleep(random.between(SILENCE_MS.least, SILENCE_MS.most))
  member.resume()
  await member.ready()
}
