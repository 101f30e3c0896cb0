import type { LockStore } from '../store.ts'
import { systemClock } from '../system-clock.ts'
import { EtcdLog } from './etcd/etcd-log.ts'
import { type Fetch, Gateway, type GatewayOptions } from './etcd/gateway.ts'
import { openShared, type SharedStoreSettings } from './shared/open-shared.ts'

export interface EtcdStoreOptions extends SharedStoreSettings {
  /** What the keys begin with, for several stores in one cluster. Default `lockable/`. */
  readonly prefix?: string
  /** Default: that of the runtime. */
  readonly fetch?: Fetch
}

export interface EtcdStore extends LockStore {
  /** No fencing token so far was larger, over all servers and restarts; 0 if there was none. */
  readonly lastToken: number
}

const DEFAULT_PORT = 2379

/**
 * Opens the store in the etcd cluster at `url` (`etcd://host:port,host:port`, any of its members; `etcds://` with TLS,
 * `etcd://user:password@host` with a user), which any number of servers share. It speaks with the JSON gateway, so it
 * needs no driver; etcd 3.4 or later.
 *
 * Every grant is in the log of a majority of the members before anybody is told of it; a step that cannot be within some
 * 3 s throws `StoreUnavailableError`.
 *
 * Rejects with a `TypeError` for a wrong option or address, and with an `Error` that says what is wrong if the cluster
 * cannot be reached or was used by another version.
 */
export async function createEtcdStore(url: string, options: EtcdStoreOptions = {}): Promise<EtcdStore> {
  const { prefix = 'lockable/', fetch = globalThis.fetch, ...settings } = options
  if (!prefix.endsWith('/')) throw new TypeError(`prefix must end with "/"; got ${JSON.stringify(prefix)}.`)
  const gateway = new Gateway({ ...readEtcdUrl(url), fetch })
  const log = new EtcdLog(gateway, settings.clock ?? systemClock, prefix)
  return openShared('etcd', settings, async () => log)
}

/** Throws a `TypeError` that does not tell the password. */
function readEtcdUrl(url: string): Omit<GatewayOptions, 'fetch'> {
  const [, scheme, user, hosts] = /^(etcds?):\/\/(?:([^@/]*)@)?([^@/]+)\/?$/.exec(url) ?? []
  if (scheme === undefined || hosts === undefined) throw wrongUrl()
  const protocol = scheme === 'etcds' ? 'https' : 'http'
  const endpoints = hosts.split(',').map((host) => {
    const endpoint = `${protocol}://${/:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`}`
    if (!URL.canParse(endpoint)) throw wrongUrl()
    return endpoint
  })
  return { endpoints, credentials: user === undefined ? null : readUser(user) }
}

function readUser(user: string): { name: string; password: string } {
  const colon = user.indexOf(':')
  if (colon === -1) throw wrongUrl()
  return { name: decodeURIComponent(user.slice(0, colon)), password: decodeURIComponent(user.slice(colon + 1)) }
}

function wrongUrl(): TypeError {
  return new TypeError(
    'The address of an etcd cluster must be as etcd://host:2379,host:2379, with etcds:// for TLS and user:password@ before the first host if it asks for that.',
  )
}
