import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const PROGRAM = fileURLToPath(new URL('watchdog-program.mjs', import.meta.url))

it('ends the processes and removes the folders of a process that is gone, and spares what was forgotten', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lockable-watchdog-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [kept, removed] = [join(folder, 'kept'), join(folder, 'removed')]
  await Promise.all([mkdir(kept), mkdir(join(removed, 'deep'), { recursive: true })])
  const [spared, doomed] = [startSleeper(), startSleeper()]
  onTestFinished(() => void spared.kill('SIGKILL'))
  const ended = once(doomed, 'exit')

  const watchdog = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'inherit', 'inherit'] })
  const gone = once(watchdog, 'exit')
  const guard = (message: object) => watchdog.stdin.write(`${JSON.stringify(message)}\n`)
  for (const { pid } of [spared, doomed]) guard({ pid, guarded: true })
  for (const each of [kept, removed]) guard({ folder: each, guarded: true })
  guard({ pid: spared.pid, guarded: false })
  guard({ folder: kept, guarded: false })
  expect(doomed.exitCode).toBeNull()
  // As the end of a process does, by SIGKILL too.
  watchdog.stdin.end()

  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(await gone).toEqual([0, null])
  expect([existsSync(kept), existsSync(removed)]).toEqual([true, false])
  expect([spared.exitCode, spared.signalCode]).toEqual([null, null])
})

function startSleeper() {
  return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
}
