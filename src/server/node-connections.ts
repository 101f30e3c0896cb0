import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

/** The share of connections that is kept free, for those that come all at once. */
const SPARE = 0.05

export interface ConnectionLimits {
  readonly most: number
  readonly unreadMs: number
}

/**
 * Bounds the connections of `server` to `most`, which is 2 or more, and knows which of them carry no request. When there
 * are nearly so many, a newcomer takes the place of the one that has carried none for longest: a connection costs nothing
 * to open and to keep, so whoever only keeps them must not shut out others. If all carry requests, newcomers are closed.
 * One that takes nothing of a reply for `unreadMs` is cut: Node itself would keep the rest for as long as the reader likes.
 *
 * Returns the function to call when `server` begins to close. It ends the connections that carry no request, now and
 * whenever another becomes so. Node itself ends those that were idle when it closed, but neither those that have not sent
 * anything yet nor those that idle later.
 */
export function trackConnections(server: Server, { most, unreadMs }: ConnectionLimits): () => void {
  /** The replies that each open connection still owes, in order. */
  const open = new Map<Socket, Set<ServerResponse>>()
  /** Those that carry none; the one that has done so for longest is the first. */
  const idle = new Set<Socket>()
  const crowded = most - Math.max(1, Math.floor(most * SPARE))
  let isClosing = false
  const settle = (socket: Socket, owed: Set<ServerResponse>) => {
    idle.delete(socket)
    if (owed.size > 0) return
    if (isClosing) socket.destroySoon()
    else idle.add(socket)
  }
  server.maxConnections = most
  // Over TLS, requests come on a socket of their own, and a raw one carries none.
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    const [longest] = idle
    if (open.size >= crowded) longest?.destroy()
    const owed = new Set<ServerResponse>()
    open.set(socket, owed)
    settle(socket, owed)
    socket.once('close', () => {
      open.delete(socket)
      idle.delete(socket)
    })
  })
  server.on('request', ({ socket }, outgoing) => {
    const owed = open.get(socket)
    if (owed === undefined) return
    owed.add(outgoing)
    settle(socket, owed)
    outgoing.once('close', () => {
      owed.delete(outgoing)
      if (open.has(socket)) settle(socket, owed)
    })
  })
  // Nothing went either way for a while; or, of a connection that carries nothing, for as long as it may be kept.
  server.setTimeout(unreadMs, (socket: Socket) => {
    const [current] = open.get(socket) ?? []
    if (current === undefined || current.writableLength > 0) socket.destroy()
  })
  return () => {
    isClosing = true
    for (const [socket, owed] of open) settle(socket, owed)
  }
}
