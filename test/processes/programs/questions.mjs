/** The ways to ask a lease whether it is held; each must be right when it is the first to be asked. */
export const QUESTIONS = {
  state: (lease) => lease.state === 'held',
  signal: (lease) => !lease.signal.aborted,
  keptSignal: (_lease, keptSignal) => !keptSignal.aborted,
  remaining: (lease) => lease.remaining() > 0,
  assertHeld: (lease) => asserts(lease),
  throwIfAborted: (_lease, keptSignal) => throwsNothing(keptSignal),
}

/** Asks `first` first, and the rest after it. */
export function ask(lease, keptSignal = lease.signal, first = 'state') {
  const answer = QUESTIONS[first](lease, keptSignal)
  const rest = Object.entries(QUESTIONS).filter(([question]) => question !== first)
  return { [first]: answer, ...Object.fromEntries(rest.map(([name, question]) => [name, question(lease, keptSignal)])) }
}

function asserts(lease) {
  try {
    lease.assertHeld()
    return true
  } catch {
    return false
  }
}

function throwsNothing(signal) {
  try {
    signal.throwIfAborted()
    return true
  } catch {
    return false
  }
}
