import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/**
 * Kills processes and removes folders when its input ends, which it does however its parent ends, by SIGKILL too. Each
 * line is a message: `{ "pid": 1, "guarded": true }`, or one with a `folder`.
 */
const guarded = { pid: new Set(), folder: new Set() }

// Ctrl-C goes to all of a terminal; what is guarded must go nevertheless.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const { guarded: isGuarded, ...message } = JSON.parse(line)
  for (const [kind, value] of Object.entries(message)) {
    if (isGuarded) guarded[kind].add(value)
    else guarded[kind].delete(value)
  }
}
for (const pid of guarded.pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
// What a killed server has started ends by itself, a moment later.
for (const folder of guarded.folder) await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
