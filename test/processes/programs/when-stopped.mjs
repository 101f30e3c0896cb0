import { now } from './tale.mjs'

const TICK_MS = 5

/** Calls `then` in the first line that runs after this process was stopped for longer than `noticeMs`. */
export function whenStopped(noticeMs, then) {
  let last = now()
  // It is due before any timer of the library that the stop makes late.
  const clock = setInterval(() => {
    const at = now()
    const stood = at - last > noticeMs
    last = at
    if (!stood) return
    clearInterval(clock)
    then()
  }, TICK_MS)
}
