import { createPostgresStore } from '../../src/server/stores/postgres.ts'
import { describePostgres } from '../engines/here.ts'
import { Postgres } from '../engines/postgres.ts'
import { conform } from './conformance.ts'
import { severalServers } from './several-servers.ts'

describePostgres('as a store', () => {
  conform({
    name: 'PostgreSQL',
    isDurable: true,
    async start() {
      const postgres = await Postgres.start()
      return severalServers(
        () => createPostgresStore(postgres.url),
        () => postgres.stop(),
      )
    },
  })
})
