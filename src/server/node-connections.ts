import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends the connections of a closing server that carry no request, now and whenever another becomes so. Node itself ends
 * those that were idle when it closed, but neither those that have not sent anything yet nor those that idle later.
 *
 * Returns the function to call when `server` begins to close.
 */
export function trackConnections(server: Server): () => void {
  /** How many requests each open connection carries. */
  const open = new Map<Socket, number>()
  let isClosing = false
  const count = (socket: Socket, requests: number) => {
    open.set(socket, requests)
    if (isClosing && requests === 0) socket.destroySoon()
  }
  server.on('connection', (socket: Socket) => {
    count(socket, 0)
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', ({ socket }, outgoing) => {
    count(socket, (open.get(socket) ?? 0) + 1)
    outgoing.once('close', () => {
      const requests = open.get(socket)
      if (requests !== undefined) count(socket, requests - 1)
    })
  })
  return () => {
    isClosing = true
    for (const [socket, requests] of open) count(socket, requests)
  }
}
