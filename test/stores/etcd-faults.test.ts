import { expect, onTestFinished, test } from 'vitest'
import type { LockStore } from '../../src/server/store.ts'
import { createEtcdStore, type EtcdStoreOptions } from '../../src/server/stores/etcd.ts'
import { Etcd, type EtcdOptions } from '../engines/etcd.ts'
import { describeEtcd } from '../engines/here.ts'
import { Bench } from './bench.ts'
import { reachable } from './reachable.ts'

async function start(options?: EtcdOptions): Promise<Etcd> {
  const etcd = await Etcd.start(options)
  onTestFinished(() => etcd.stop())
  return etcd
}

async function open(url: string, options?: EtcdStoreOptions): Promise<LockStore> {
  const store = await createEtcdStore(url, options)
  onTestFinished(() => store.close())
  return store
}

async function call(etcd: Etcd, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${etcd.endpoints[0]}${path}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

describeEtcd('a store in etcd', () => {
  test('goes on when the leader of three members is killed, and loses nothing that it has granted', async () => {
    const etcd = await start({ members: 3 })
    const [one, other] = [new Bench(await open(etcd.url), 'k'), new Bench(await open(etcd.url), 'k')]
    const { fencingToken } = await one.take('a')
    const leader = await etcd.leader()
    await leader.kill()
    expect(await reachable(() => other.renew('a'))).toMatchObject({ kind: 'renewed', fencingToken })
    await reachable(() => other.queue('b'))
    const hinted = other.hint('b')
    await reachable(() => one.release('a'))
    await hinted
    expect(await reachable(() => other.attend('b'))).toMatchObject({ kind: 'granted' })
    await leader.restart()
  })

  test('goes on with all locks when a single member comes back', async () => {
    const etcd = await start()
    const bench = new Bench(await open(etcd.url), 'k')
    await bench.take('a')
    await etcd.members[0]?.kill()
    await expect(bench.renew('a')).rejects.toThrow('cannot be reached')
    await etcd.members[0]?.restart()
    expect(await reachable(() => bench.renew('a'))).toMatchObject({ kind: 'renewed' })
  })

  test('passes from one era of its log to the next, and starts from a snapshot', async () => {
    const etcd = await start()
    const [one, other] = [await open(etcd.url), await open(etcd.url)]
    await new Bench(other, 'kept').take('a', { info: '🔒'.repeat(100) })
    for (let turn = 0; turn < 350; turn += 1) {
      const bench = new Bench(turn % 7 === 0 ? other : one, 'k')
      await bench.take(`o${turn}`)
      await bench.release(`o${turn}`)
    }
    await one.close()
    const next = await open(etcd.url)
    expect(await new Bench(next, 'kept').inspect()).toMatchObject({ holders: [{ info: '🔒'.repeat(100) }] })
    // What came before the snapshot is gone, and a server that was there all the time goes on.
    const { count } = (await call(etcd, '/v3/kv/range', {
      key: btoa('lockable/log/'),
      range_end: btoa('lockable/log0'),
      count_only: true,
    })) as { count: string }
    expect(Number(count)).toBeLessThan(700)
    expect(await new Bench(other, 'k').acquire('o')).toMatchObject({ kind: 'granted' })
    expect(await new Bench(next, 'k').acquire('p')).toMatchObject({ kind: 'refused' })
  })

  test('keeps stores with other prefixes apart', async () => {
    const etcd = await start()
    await new Bench(await open(etcd.url), 'k').take('a')
    await new Bench(await open(etcd.url, { prefix: 'staging/' }), 'k').take('b')
    await expect(createEtcdStore(etcd.url, { prefix: 'staging' })).rejects.toThrow('prefix must end with "/"')
  })

  test('shows who it is where the cluster asks for a user', async () => {
    const etcd = await start()
    await call(etcd, '/v3/auth/user/add', { name: 'root', password: 'pass word' })
    await call(etcd, '/v3/auth/user/grant', { user: 'root', role: 'root' })
    await call(etcd, '/v3/auth/enable', {})
    const withUser = etcd.url.replace('//', '//root:pass%20word@')
    const [one, other] = [new Bench(await open(withUser), 'k'), new Bench(await open(withUser), 'k')]
    await one.take('a')
    await other.queue('b')
    const hinted = other.hint('b')
    await one.release('a')
    await hinted
    await expect(createEtcdStore(etcd.url)).rejects.toThrow('etcd answered')
    await expect(createEtcdStore(etcd.url.replace('//', '//root:wrong@'))).rejects.toThrow('etcd refused the user')
  })

  test('says what is wrong with an address, without its password', async () => {
    for (const url of ['http://127.0.0.1:2379', 'etcd://', 'etcd://secret@host', 'etcd://a:secret@host:x']) {
      const refused = createEtcdStore(url)
      await expect(refused).rejects.toThrow('must be as etcd://host:2379')
      await expect(refused).rejects.not.toThrow('secret')
    }
    await expect(createEtcdStore('etcd://127.0.0.1:1')).rejects.toThrow('http://127.0.0.1:1 did not answer')
  })
})
