import { readFileSync } from 'node:fs'
import { type CapabilityKey, readKeySet } from '../server/auth/capability-keys.ts'
import { openTokenFile, type ServeOptions, type TokenFile } from '../server/node.ts'

/** The files by which `lockable serve` knows its clients, and they know it. */
export interface CredentialFiles {
  /** What `lockable token` makes. */
  readonly tokensFile?: string
  /** A JSON Web Key Set. */
  readonly capabilityKey?: string
  /** PEM, both or neither. */
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export interface OpenedCredentials {
  readonly options: Pick<ServeOptions, 'tokenSource' | 'capabilityKeys' | 'tls'>
  close(): void
}

/**
 * Reads the files, and the tokens anew on SIGHUP and whenever their file changes. Throws an `Error` that names the file
 * that cannot be used.
 */
export function openCredentials(
  { tokensFile, capabilityKey, tlsCert, tlsKey }: CredentialFiles,
  onError: (error: unknown) => void,
): OpenedCredentials {
  const capabilityKeys = capabilityKey === undefined ? undefined : readKeys(capabilityKey)
  const tls = readTls(tlsCert, tlsKey)
  const tokens = tokensFile === undefined ? undefined : openTokenFile(tokensFile, { onError })
  return {
    options: { ...(tokens && { tokenSource: tokens }), ...(capabilityKeys && { capabilityKeys }), ...(tls && { tls }) },
    close: tokens === undefined ? () => undefined : reloadOnHangup(tokens),
  }
}

function reloadOnHangup(tokens: TokenFile): () => void {
  process.on('SIGHUP', tokens.reload)
  return () => {
    process.off('SIGHUP', tokens.reload)
    tokens.close()
  }
}

function readKeys(path: string): CapabilityKey[] {
  const what = `The capability key ${path}`
  let json: unknown
  try {
    json = JSON.parse(readText(path, what))
  } catch (error) {
    // The text that JSON.parse quotes is a secret.
    throw error instanceof SyntaxError ? new Error(`${what} is not JSON: make one with lockable token key.`) : error
  }
  return readKeySet(json, what)
}

function readTls(certPath: string | undefined, keyPath: string | undefined): ServeOptions['tls'] | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath === undefined || keyPath === undefined) {
    const [given, missing] = certPath === undefined ? ['key', 'cert'] : ['cert', 'key']
    throw new TypeError(`--tls-${given} needs --tls-${missing} too: TLS takes a certificate and its key.`)
  }
  return { cert: readText(certPath, 'The certificate'), key: readText(keyPath, 'The key of the certificate') }
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${what} cannot be read: ${why}.`, { cause })
  }
}
