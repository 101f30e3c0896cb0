import type { ServeOptions } from '../server/node.ts'
import { type Environment, refuseWords, variableOf } from './flags.ts'
import { KNOWN_SETTINGS } from './known-settings.ts'
import type { ObserveOptions } from './observe.ts'
import { printSettings } from './print-settings.ts'
import type { CredentialFiles } from './serve-credentials.ts'
import { SERVE_FLAGS, type ServeFlags } from './serve-flags.ts'
import { readSettings, type Settings } from './settings.ts'
import type { StoreAddress } from './store-address.ts'
import { UsageError } from './usage-error.ts'

/** What `lockable serve` was asked to do. */
export interface ServeCommand extends Omit<ServeOptions, 'store'>, CredentialFiles, ObserveOptions {
  readonly storeAddress: StoreAddress
  /** The path of the mark's file. */
  readonly mark?: string
  readonly tokenFloor?: number
  /** What is in force, for people and without secrets, if that is all that was asked for. */
  readonly printout?: string
}

/** Reads what `lockable serve` was asked to do. Throws a `UsageError`. */
export function readServeCommand(args: readonly string[], env: Environment): ServeCommand {
  const settings = readSettings(SERVE_FLAGS, { args, env, known: KNOWN_SETTINGS, ownsEnvironment: true })
  refuseWords(settings.line)
  const { values: given } = settings
  const storeAddress = given.store.at(-1) ?? { kind: 'memory' as const }
  checkBridges(storeAddress, settings)
  return {
    storeAddress,
    ...withoutUndefined({
      port: given.port.at(-1),
      host: given.host.at(-1),
      lease: withoutUndefined({
        defaultMs: given['default-lease'].at(-1),
        classicMs: given['classic-lease'].at(-1),
        minMs: given['min-lease'].at(-1),
        maxMs: given['max-lease'].at(-1),
      }),
      maxWaitMs: given['max-wait'].at(-1),
      mark: given.mark.at(-1),
      grace: given.grace.at(-1),
      tokenFloor: given['token-floor'].at(-1),
      cors: given['cors-origin'],
      hosts: given['allow-host'].length > 0 ? given['allow-host'] : undefined,
      tokensFile: given['tokens-file'].at(-1),
      capabilityKey: given['capability-key'].at(-1),
      tlsCert: given['tls-cert'].at(-1),
      tlsKey: given['tls-key'].at(-1),
      behindProxy: given['behind-proxy'].at(-1),
      insecure: given.insecure.at(-1),
      log: given.log.at(-1),
      logLevel: given['log-level'].at(-1),
      logNames: given['log-names'].at(-1),
      metricsListen: given['metrics-listen'].at(-1),
      drainMs: given.drain.at(-1),
      tokens: given.tokens.length > 0 ? given.tokens : undefined,
      printout: given['print-config'].at(-1) === true ? printSettings(SERVE_FLAGS, settings.said) : undefined,
    }),
  }
}

/** What bridges the forgetting of a memory store is no use to one that keeps its locks. */
function checkBridges({ kind }: StoreAddress, { said }: Settings<ServeFlags>): void {
  if (kind === 'memory') return
  const name = ['mark', 'grace'].find((each) => said.has(each))
  if (name === undefined) return
  throw new UsageError(
    `--${name} (${variableOf(name)}) is for --store memory, whose locks are forgotten: a ${kind} store keeps them, so leave it out.`,
  )
}

function withoutUndefined<Given extends object>(
  given: Given,
): { [Key in keyof Given]?: Exclude<Given[Key], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Given]?: Exclude<Given[Key], undefined> }
}
