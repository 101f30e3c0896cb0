import { Child } from './child.ts'
import { consumers } from './consumers.ts'

export interface RealServer {
  readonly url: string
  readonly process: Child
}

export interface Admission {
  readonly tokens?: string
  /** The file of the key by which capabilities are signed. */
  readonly capabilityKey?: string
}

/**
 * Starts the server of the packed package, as a user does. Pages of all origins may call, unless it takes only those in
 * that it knows.
 */
export async function startServer({ tokens, capabilityKey }: Admission = {}): Promise<RealServer> {
  const isOpen = tokens === undefined && capabilityKey === undefined
  const open = isOpen ? ['--cors-origin', '*'] : []
  const access = capabilityKey === undefined ? open : ['--capability-key', capabilityKey]
  const server = new Child('npx', ['--no-install', 'lockable', 'serve', '--port', '0', ...access], {
    cwd: consumers.bare,
    ...(tokens === undefined ? {} : { env: { LOCKABLE_TOKENS: tokens } }),
  })
  const [, url = ''] = await server.line(/^lockable listening on (http:\/\/127\.0\.0\.1:\d+)$/)
  return { url, process: server }
}

/** What the server tells everybody about a lock. */
export async function askStatus(url: string, name: string): Promise<{ state: string; fencing_token: number | null }> {
  const response = await fetch(`${url}/v1/status/${name}`)
  if (!response.ok) throw new Error(`The status of ${name} is not to be had: ${response.status}`)
  return (await response.json()) as { state: string; fencing_token: number | null }
}

/** Whether somebody else would get the lock right now. If so, nobody has it afterwards. */
export async function isFree(url: string, name: string): Promise<boolean> {
  const acquired = await classic(url, 'acquire', name)
  if (acquired) await classic(url, 'release', name)
  return acquired
}

/** Waits in the queue until the lock is granted; resolves to whether it was. */
export async function waitForGrant(url: string, name: string, waitMs: number): Promise<boolean> {
  const response = await fetch(`${url}/v1/acquire/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ owner: crypto.randomUUID(), wait_ms: waitMs }),
  })
  const { response: granted } = (await response.json()) as { response: boolean }
  return granted
}

async function classic(url: string, operation: 'acquire' | 'release', name: string): Promise<boolean> {
  const response = await fetch(`${url}/v1/${operation}/${name}`)
  const { response: answer } = (await response.json()) as { response: boolean }
  return answer
}
