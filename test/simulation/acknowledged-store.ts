import type { CommandOutcome, LockStore, OwnerRef, SessionOutcome } from '../../src/server/store.ts'
import { holdKey, LAST_KEY, sessionKey } from '../../src/server/stores/durable/records.ts'
import type { VirtualDisk } from '../server/virtual-disk.ts'
import { forwarded } from './forwarded-store.ts'
import type { Verdict } from './verdict.ts'

interface Told {
  readonly fencingToken: number
  readonly leaseMs: number
}

/** A durable store that is caught when it tells of something that a crash in this very moment would take back. */
export function acknowledged(store: LockStore, disk: VirtualDisk, verdict: Verdict): LockStore {
  const read = (key: string): Record<string, unknown> => JSON.parse(disk.lasting(key) ?? '{}')
  const check = (what: string, told: number, kept: unknown) => {
    if (kept !== undefined && told <= Number(kept)) return
    verdict.broken('forgotten promise', `${what} ${told} was told, and ${kept} is on disk`)
  }
  const granted = (ref: OwnerRef, { fencingToken, leaseMs }: Told) => {
    check('the token', fencingToken, read(LAST_KEY).token ?? 0)
    const record = read(holdKey(ref))
    // Otherwise it is over since.
    if (record.token === fencingToken) check(`of ${ref.name} a lease of`, leaseMs, record.lease_ms)
  }
  const told = (ref: OwnerRef, outcome: { readonly kind: string } | Told) => {
    if ('fencingToken' in outcome) granted(ref, outcome)
  }
  const stands = (outcome: SessionOutcome) => {
    if (outcome.kind === 'standing') check('the epoch', outcome.epoch, read(LAST_KEY).epoch ?? 0)
  }
  const acquired = (namespace: string, command: { readonly op: string }, outcome: CommandOutcome | undefined) => {
    if (command.op !== 'acquire' || outcome === undefined) return
    const { name, owner } = command as { readonly op: string; readonly name: string; readonly owner: string }
    told({ namespace, name, owner }, outcome)
  }
  return {
    ...forwarded(store),
    acquire: async (step) => {
      const outcome = await store.acquire(step)
      told(step, outcome)
      return outcome
    },
    attend: async (step) => {
      const outcome = await store.attend(step)
      told(step, outcome)
      return outcome
    },
    renew: async (steps) => {
      const outcomes = await store.renew(steps)
      for (const [index, step] of steps.entries()) told(step, outcomes[index] ?? { kind: 'none' })
      return outcomes
    },
    execute: async (step) => {
      const outcome = await store.execute(step)
      if (outcome.kind !== 'executed') return outcome
      stands(outcome.standing)
      // A session that is over may be on disk no more.
      const { seq = step.seq } = read(sessionKey(step.session))
      check(`of ${step.session} the seq`, step.seq, seq)
      for (const [index, command] of step.commands.entries()) acquired(step.namespace, command, outcome.outcomes[index])
      return outcome
    },
    renewSession: async (step) => {
      const outcome = await store.renewSession(step)
      stands(outcome)
      return outcome
    },
    attendSession: async (step) => {
      const outcome = await store.attendSession(step)
      stands(outcome)
      return outcome
    },
  }
}
