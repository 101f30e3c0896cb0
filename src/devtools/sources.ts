import { useState } from 'react'
import type { Lockable } from '../index.ts'
import { useLockClient } from '../react/lock-provider.tsx'
import type { Source } from './trace.ts'
import type { PanelOptions } from './types.ts'

/** The clients to show; the same array as long as they are the same, though `clients` be written in place. */
export function useSources({ client, clients }: PanelOptions): readonly Source[] {
  const labelled = Object.entries(clients ?? {})
  const only = useLockClient(client ?? labelled[0]?.[1])
  const next = labelled.length > 0 ? labelled.map(([label, one]) => sourceOf(one, label)) : [sourceOf(only, '')]
  const [kept, keep] = useState(next)
  if (isSame(kept, next)) return kept
  keep(next)
  return next
}

function sourceOf(client: Lockable, label: string): Source {
  return { client, label }
}

function isSame(a: readonly Source[], b: readonly Source[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ client, label }, index) => client === b[index]?.client && label === b[index]?.label)
  )
}
