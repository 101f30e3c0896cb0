import { type Context, createContext, type ReactElement, type ReactNode, useContext } from 'react'
import type { Lockable } from '../index.ts'

const LockContext: Context<Lockable | null> = createContext<Lockable | null>(null)
LockContext.displayName = 'LockContext'

/** Options of {@link LockProvider}. */
export interface LockProviderProps {
  /** Made once, outside of components: a client made while rendering would be a new one each time. */
  readonly client: Lockable
  readonly children?: ReactNode
}

/** Gives the hooks below it their client. It neither opens nor closes it. */
export function LockProvider({ client, children }: LockProviderProps): ReactElement {
  return <LockContext.Provider value={client}>{children}</LockContext.Provider>
}

/**
 * The client to use: `client` if it is given, else that of the nearest {@link LockProvider}.
 *
 * @throws Error if there is neither.
 */
export function useLockClient(client?: Lockable): Lockable {
  const provided = useContext(LockContext)
  const found = client ?? provided
  if (found === null) {
    throw new Error(
      'No lock client set: wrap the tree in <LockProvider client={client}>, or pass { client } to the hook.',
    )
  }
  return found
}
