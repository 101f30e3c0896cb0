import { createServer } from 'node:net'

/** Below what systems give to outgoing connections, so that nobody else gets a port while its server is down. */
const PORTS = { least: 15_000, most: 31_999 }
const MOST_TRIES = 100

const given = new Set<number>()

/** A port of 127.0.0.1 that nobody listens on, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const port = PORTS.least + Math.floor(Math.random() * (PORTS.most - PORTS.least))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`No port of ${PORTS.least} to ${PORTS.most} was free in ${MOST_TRIES} tries.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
