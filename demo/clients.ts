import { Lockable } from '../src/index.ts'

/** ms of a lease in this demo: short, so that a loss can be watched. A real application asks for more. */
export const LEASE_MS = 12_000

const clients = new Map<string, Lockable>()

/**
 * The client of a person. Each person has one, as if each sat at a computer of their own: their locks keep one another
 * out although they are in one tab.
 */
export function clientOf(person: string): Lockable {
  const known = clients.get(person)
  if (known) return known
  const client = new Lockable({
    url: location.origin,
    authToken: () => askForCapability(person),
    leaseDuration: LEASE_MS,
  })
  clients.set(person, client)
  return client
}

/** Asked for again when the one before has run out. */
async function askForCapability(person: string): Promise<string> {
  const reply = await fetch(`/capability?${new URLSearchParams({ as: person })}`)
  if (!reply.ok) throw new Error(`The backend of the demo answered ${reply.status}.`)
  return reply.text()
}

/** Somebody leaves this tab: what they hold is released, what they wait for is given up. */
export function sayGoodbye(person: string): void {
  void clients.get(person)?.close()
  clients.delete(person)
}

// A client that a hot update left behind would hold its locks until the tab is closed.
import.meta.hot?.dispose(() => {
  for (const person of clients.keys()) sayGoodbye(person)
})
