import { expect, it } from 'vitest'
import type { Told } from '../processes/tale.ts'
import { type Evidence, violationsIn } from './verdict.ts'

const LEASE_MS = 1_000
const FINE = { writes: [], leaseMs: LEASE_MS, mayForget: false }

function grant(who: number, token: number, at: number, mode: 'exclusive' | 'shared' = 'exclusive'): Told[] {
  const lease = { who, name: 'n', lease: 'l' }
  return [
    { event: 'granted', mode, token, at, until: at + 900, ...lease },
    { event: 'asked', at: at - 10, ...lease },
  ]
}

function ofLease(who: number, event: 'releasing' | 'contradiction' | 'still', at: number): Told {
  return { event, at, who, name: 'n', lease: 'l' }
}

function rulesIn(evidence: Partial<Evidence> & Pick<Evidence, 'tale'>): string[] {
  return violationsIn({ ...FINE, ...evidence }).map(({ rule }) => rule)
}

it('finds nothing where one lets go before the next one comes, or where both share', () => {
  const tale = [...grant(1, 1, 0), ofLease(1, 'releasing', 50), ...grant(2, 2, 60)]
  expect(rulesIn({ tale })).toEqual([])
  expect(rulesIn({ tale: [...grant(1, 1, 0, 'shared'), ...grant(2, 2, 10, 'shared')] })).toEqual([])
})

it('finds two that hold at once', () => {
  expect(rulesIn({ tale: [...grant(1, 1, 0), ...grant(2, 2, 500)] })).toEqual(['belief', 'history'])
})

it('finds one that goes on past its end while the next one holds, though the server is right', () => {
  expect(rulesIn({ tale: [...grant(1, 1, 0), ...grant(2, 2, 950), ofLease(1, 'still', 1_000)] })).toEqual(['belief'])
})

it('finds a lease that the server has renewed after it had given the lock to somebody else', () => {
  const aborted: Told = { event: 'aborted', at: 905, who: 1, name: 'n', lease: 'l', answers: {} }
  const renewed: Told = { event: 'renewed', at: 1_100, until: 1_950, who: 1, name: 'n', lease: 'l' }
  expect(rulesIn({ tale: [...grant(1, 1, 0), aborted, ...grant(2, 2, 920), renewed] })).toEqual(['history'])
})

it('finds a write that was taken after a newer one, and a holder whose token was refused', () => {
  const writes = [2, 1].map((token) => ({ name: 'n', token, accepted: true }))
  expect(rulesIn({ tale: [], writes })).toEqual(['fencing'])
  expect(rulesIn({ tale: [...grant(1, 1, 0), ofLease(1, 'contradiction', 5)] })).toEqual(['fencing'])
})

it('finds a loss that was not told to whoever asked to be told', () => {
  const lost: Told = { event: 'lost', at: 900, who: 1, name: 'n', lease: 'l', cause: 'frozen' }
  const aborted: Told = { event: 'aborted', at: 900, who: 1, name: 'n', lease: 'l', answers: {} }
  const ended: Told = { event: 'ended', at: 1_000, who: 1 }
  const called: Told = { event: 'onLockLoss', at: 900, who: 1, name: 'n', cause: 'frozen', sentence: '' }
  expect(rulesIn({ tale: [...grant(1, 1, 0), aborted, lost, ended] })).toEqual(['loss'])
  expect(rulesIn({ tale: [...grant(1, 1, 0), aborted, lost, called, ended] })).toEqual([])
})
