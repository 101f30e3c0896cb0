import type { IncomingMessage } from 'node:http'

/** What decides who can reach a server, and by what they are known there. */
export interface Exposure {
  readonly host: string
  /** Nobody is asked who they are. */
  readonly isOpen: boolean
  readonly hasTls: boolean
  readonly behindProxy: boolean
  readonly insecure: boolean
}

/**
 * Refuses to listen where strangers could lock, or could hear tokens on their way. Throws a `TypeError` that says what
 * to do.
 */
export function checkExposure({ host, isOpen, hasTls, behindProxy, insecure }: Exposure): void {
  if (isLoopback(host) || insecure) return
  if (isOpen) {
    throw new TypeError(
      `Without tokens everybody who reaches ${host} could take and free locks: set tokens (LOCKABLE_TOKENS), --tokens-file or --capability-key, listen on 127.0.0.1, or allow it with --insecure (insecure: true).`,
    )
  }
  if (hasTls || behindProxy) return
  throw new TypeError(
    `Without TLS everybody on the way to ${host} could read the tokens: set --tls-cert and --tls-key (tls), say --behind-proxy (behindProxy) if something in front of it ends TLS, listen on 127.0.0.1, or allow it with --insecure (insecure: true).`,
  )
}

/** The address that a request comes from; behind a proxy the one that the proxy says, which it puts last. */
export function remoteAddressOf(
  incoming: Pick<IncomingMessage, 'headers' | 'socket'>,
  behindProxy: boolean,
): string | undefined {
  const forwarded = behindProxy ? incoming.headers['x-forwarded-for'] : undefined
  const last = [forwarded].flat().at(-1)?.split(',').at(-1)?.trim()
  return last === undefined || last === '' ? incoming.socket.remoteAddress : last
}

/** Whether a request names more than one host: what stands in front may have gone by another one than we would. */
export function hasTwoHosts({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length > 1
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
