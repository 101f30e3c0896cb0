import { createEtcdStore } from '../../src/server/stores/etcd.ts'
import { Etcd } from '../engines/etcd.ts'
import { describeEtcd } from '../engines/here.ts'
import { conform } from './conformance.ts'
import { severalServers } from './several-servers.ts'

describeEtcd('as a store', () => {
  conform({
    name: 'etcd',
    isDurable: true,
    async start() {
      const etcd = await Etcd.start()
      return severalServers(
        () => createEtcdStore(etcd.url),
        () => etcd.stop(),
      )
    },
  })
})
