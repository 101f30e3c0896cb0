import { platformClock } from '../platform/clock.ts'
import { fetchSend } from '../platform/fetch-send.ts'
import { platformTimers } from '../platform/timers.ts'
import { openPort } from './worker-port.ts'
import { WorkerThread } from './worker-thread.ts'

/** The script of the worker: the thread with the platform put in. */
const port = openPort()
const thread = new WorkerThread({
  ...platformClock,
  ...platformTimers,
  random: Math.random,
  sendTo: (url) => fetchSend(url),
  post: (message) => port.post(message),
})
port.listen((message) => thread.hear(message))
