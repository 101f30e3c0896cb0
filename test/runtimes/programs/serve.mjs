import { createHandler } from 'lockable/server'
import { say } from './say.mjs'

const [way, hostname] = process.argv.slice(2)

const server = await { listen, deno, bun }[way]()
say({ port: server.port })

for await (const _ of process.stdin);
await server.close()
say({ state: 'closed' })

/** The package listens by itself. */
async function listen() {
  const { serve } = await import('lockable/server/node')
  return serve({ host: hostname, port: 0 })
}

function deno() {
  const handler = createHandler()
  const server = Deno.serve({ hostname, port: 0, onListen() {} }, handler.fetch)
  const close = async () => {
    await handler.close()
    await server.shutdown()
  }
  return { port: server.addr.port, close }
}

function bun() {
  const handler = createHandler()
  const server = Bun.serve({ hostname, port: 0, fetch: handler.fetch })
  const close = async () => {
    await handler.close()
    await server.stop()
  }
  return { port: server.port, close }
}
