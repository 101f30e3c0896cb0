import { DEFAULT_PORT } from '../protocol/port.ts'
import { type Flag, variableOf } from './flags.ts'
import { OBSERVE_FLAGS, type ObserveFlags } from './observe-flags.ts'
import { CONFIG_FLAG } from './settings.ts'
import { readStore, type StoreAddress, showStore } from './store-address.ts'
import { readDuration, readPath, readPort, readSwitch, readText, readToken } from './values.ts'

function flag<Value>(
  placeholder: string | null,
  read: Flag<Value>['read'],
  description: string,
  fallback?: string,
): Flag<Value> {
  return { placeholder, read, description, isList: false, ...(fallback !== undefined && { fallback }) }
}

function list<Value>(placeholder: string, read: Flag<Value>['read'], description: string): Flag<Value> {
  return { placeholder, read, description: `${description}; repeatable`, isList: true }
}

export type ServeFlags = {
  readonly [Name in 'host' | 'mark' | 'cors-origin' | 'allow-host' | 'config' | CredentialFlag]: Flag<string>
} & {
  readonly [Name in 'port' | 'token-floor' | DurationFlag]: Flag<number>
} & {
  readonly store: Flag<StoreAddress>
} & {
  readonly [Name in 'behind-proxy' | 'insecure' | 'print-config']: Flag<boolean>
} & ObserveFlags

type CredentialFlag = 'tokens' | 'tokens-file' | 'capability-key' | 'tls-cert' | 'tls-key'

type DurationFlag = 'default-lease' | 'classic-lease' | 'min-lease' | 'max-lease' | 'max-wait' | 'grace'

/** The flags of `lockable serve`. */
export const SERVE_FLAGS: ServeFlags = {
  port: flag('PORT', readPort, 'port to listen on, 0 for any that is free', `${DEFAULT_PORT}`),
  host: flag('ADDRESS', readText, 'address to listen on', '127.0.0.1'),
  store: {
    ...flag('STORE', readStore, 'where locks live: memory, file:FOLDER, postgres://… or etcd://…', 'memory'),
    show: showStore,
  },
  'default-lease': flag('DURATION', readDuration, 'lease of owned requests that ask for none', '60s'),
  'classic-lease': flag('DURATION', readDuration, 'lease of classic requests, whose clients assume 60s', '60s'),
  'min-lease': flag('DURATION', readDuration, 'shortest lease that may be asked for', '1s'),
  'max-lease': flag('DURATION', readDuration, 'longest lease that may be asked for', '24h'),
  'max-wait': flag('DURATION', readDuration, 'longest time for which a request is parked', '30s'),
  mark: flag('FILE', readPath, 'file that tells the next start of a memory store how long to grant nothing'),
  grace: flag('DURATION', readDuration, 'grant nothing for so long after the start, at least', '0s'),
  'token-floor': flag('TOKEN', readToken, 'last fencing token of the store that was used before', '0'),
  'cors-origin': list('ORIGIN', readText, 'origin whose pages may call, as https://app.example'),
  'allow-host': list('NAME', readText, 'host name that requests may be addressed to'),
  'tokens-file': flag('FILE', readPath, 'tokens that lockable token has made, read anew when it changes'),
  'capability-key': flag('FILE', readPath, "JSON Web Key Set that browsers' capabilities are signed by"),
  'tls-cert': flag('FILE', readPath, 'certificate for HTTPS, as PEM'),
  'tls-key': flag('FILE', readPath, 'its private key, as PEM'),
  'behind-proxy': flag(null, readSwitch, 'a proxy in front ends TLS, and X-Forwarded-For is true'),
  insecure: flag(null, readSwitch, 'listen beyond loopback without tokens or TLS'),
  ...OBSERVE_FLAGS,
  tokens: {
    ...list('TOKEN', readText, 'tokens that are accepted, each as token or token:namespace'),
    place: 'hidden',
  },
  config: CONFIG_FLAG,
  'print-config': { ...flag(null, readSwitch, 'print what is in force, and from where, and end'), place: 'line' },
}

/** The variable with the tokens; no flag, since the arguments of a process can be seen by others. */
export const TOKENS_VARIABLE: string = variableOf('tokens')
