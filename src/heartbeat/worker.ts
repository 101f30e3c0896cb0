import type { Beating, HeartbeatReport } from '../core/heartbeat-host.ts'
import { platformClock } from '../platform/clock.ts'
import { fetchSend } from '../platform/fetch-send.ts'
import { platformTimers } from '../platform/timers.ts'
import { BeatLoop } from './loop.ts'
import type { Stamped, ToPage, ToWorker } from './messages.ts'
import { PeerClock } from './peer-clock.ts'
import { openPort } from './worker-port.ts'

const port = openPort()
const peer = new PeerClock(platformClock)
let loop: BeatLoop | null = null
let heardAt = platformClock.now()
let ticking: ReturnType<typeof setTimeout> | undefined

function post(message: ToPage): void {
  port.post({ stamp: peer.stamp(), message } satisfies Stamped<ToPage>)
}

function report(each: HeartbeatReport): void {
  post({ type: 'report', report: each })
}

function start(url: string): BeatLoop {
  return new BeatLoop({
    ...platformClock,
    ...platformTimers,
    random: Math.random,
    send: fetchSend(url),
    report,
    silentMs: () => platformClock.now() - heardAt,
  })
}

/** Says regularly that the worker runs, as long as it holds something. */
function tick(): void {
  const nextMs = loop?.tickMs() ?? null
  post({ type: 'tick', nextMs })
  clearTimeout(ticking)
  ticking = nextMs === null ? undefined : setTimeout(tick, nextMs)
}

/** The instants of a lock that the page handed over, by this thread's clock. */
function translated(beating: Beating): Beating {
  return { ...beating, term: { ...beating.term, sentAt: peer.toHere(beating.term.sentAt) } }
}

port.listen(({ stamp, message }: Stamped<ToWorker>) => {
  peer.receive(stamp)
  heardAt = platformClock.now()
  switch (message.type) {
    case 'start':
      loop ??= start(message.url)
      return post({ type: 'ready' })
    case 'hold':
      loop?.hold(translated(message.beating))
      return tick()
    case 'drop':
      return void loop?.drop(message.id).then(() => post({ type: 'dropped', id: message.id }))
    case 'pause':
      return loop?.pause(message.id, message.paused)
    case 'nudge':
      return loop?.nudge()
    case 'token':
      return loop?.setAuthToken(message.authToken)
    case 'alive':
      return
  }
})
