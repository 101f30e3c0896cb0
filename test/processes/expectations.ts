import { expect } from 'vitest'
import { type Answers, allOf, type Told } from './tale.ts'

/** That a lease says it is held, whichever way it is asked. */
export function expectHeld(answers: Answers): void {
  expect(Object.values(answers)).not.toContain(false)
}

/** That a lease says it is over, whichever way it is asked. */
export function expectOver(answers: Answers): void {
  expect(Object.values(answers)).not.toContain(true)
}

export function expectNoLoss(tale: readonly Told[]): void {
  expect(tale.filter(({ event }) => event === 'aborted' || event === 'lost' || event === 'onLockLoss')).toEqual([])
}

/**
 * That this lock was lost once, that it was known on the line after the abort, that the signal aborted before anything
 * was told, that the callback was called once, and that both give the same one of these causes.
 */
export function expectLoss(tale: readonly Told[], name: string, causes: readonly string[]): void {
  const about = tale.filter((each) => 'name' in each && each.name === name)
  const order = about.map(({ event }) => event).filter((each) => /^(aborted|lost|onLockLoss)$/.test(each))
  expect(order).toEqual(['aborted', 'lost', 'onLockLoss'])
  for (const { answers } of allOf(about, 'aborted')) expectOver(answers)
  const [told] = allOf(about, 'onLockLoss')
  expect(causes).toContain(told?.cause)
  expect(allOf(about, 'lost')[0]?.cause).toBe(told?.cause)
}
