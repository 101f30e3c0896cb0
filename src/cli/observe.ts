import type { Observer } from '../server/observe/facts.ts'
import type { HandlerOptions } from '../server/options.ts'
import type { LockStore } from '../server/store.ts'
import { systemClock } from '../server/system-clock.ts'
import { logFacts } from './observe-facts.ts'
import type { ListenAddress, LogFormat, LogLevel, LogNames } from './observe-flags.ts'
import { listenForMetrics } from './observe-listener.ts'
import { createLog, type Log, type LogMembers } from './observe-log.ts'
import { Metrics } from './observe-metrics.ts'
import type { ServeCommand } from './serve-settings.ts'
import { packageVersion } from './version.ts'

/** What an operator sees of a server. */
export interface ObserveOptions {
  /** Default `text`. */
  readonly log?: LogFormat
  /** Default `info`. */
  readonly logLevel?: LogLevel
  /** Default `plain`. */
  readonly logNames?: LogNames
  /** Default: metrics are served with everything else. */
  readonly metricsListen?: ListenAddress
}

/** A server's log and metrics. */
export interface Observation {
  /** What the server is given. */
  readonly options: Pick<HandlerOptions, 'observer' | 'metrics' | 'onError'>
  /** The server listens. */
  started(server: { readonly url: string }): void
  /** It was told to end. */
  stopping(signal: string): void
  /** It has ended. */
  close(): Promise<void>
}

/** The log on stderr. */
export function openLog({ log = 'text', logLevel = 'info' }: ObserveOptions): Log {
  return createLog({ format: log, level: logLevel })
}

/** Logs and counts what a server on `store` does. Rejects with an `Error` if it cannot listen for metrics. */
export async function observeServer(command: ServeCommand, store: LockStore, log: Log): Promise<Observation> {
  const version = packageVersion()
  const { logNames = 'plain', metricsListen } = command
  const metrics = new Metrics({ store, version })
  const page = () => metrics.page()
  const onError: HandlerOptions['onError'] = (error, failure) =>
    log.error('the server met an error of its own.', { ...failure, error })
  const listener =
    metricsListen === undefined ? null : await listenForMetrics(metricsListen, page, (error) => onError(error, null))
  let hasStarted = false
  return {
    options: {
      observer: both(metrics.observe, logFacts({ log, names: logNames, now: systemClock.now })),
      onError,
      ...(listener === null && { metrics: page }),
    },
    started({ url }) {
      hasStarted = true
      const { kind, restart } = store.traits
      const metricsUrl = listener?.url ?? `${url}/metrics`
      const identity = { version, node: process.versions.node, pid: process.pid }
      log.announce('started', { ...identity, url, metricsUrl, store: kind, restart, ...settingsOf(command) })
    },
    stopping: (signal) => log.announce('stopping', { signal }),
    async close() {
      await listener?.close()
      if (hasStarted) log.announce('stopped')
    },
  }
}

/** What was asked for, as far as it is no secret: each member is named here. */
function settingsOf(command: ServeCommand): LogMembers {
  const { lease, maxWaitMs, drainMs, grace, cors, hosts, behindProxy, insecure } = command
  const { tokens, tokensFile, capabilityKey, tlsCert } = command
  return {
    access: [
      ...(tokens === undefined ? [] : ['tokens']),
      ...(tokensFile === undefined ? [] : ['tokens-file']),
      ...(capabilityKey === undefined ? [] : ['capabilities']),
    ],
    tls: tlsCert !== undefined,
    lease,
    maxWaitMs,
    drainMs,
    grace,
    cors,
    hosts,
    behindProxy,
    insecure,
  }
}

function both(one: Observer, other: Observer): Observer {
  return (fact) => {
    one(fact)
    other(fact)
  }
}
