import type { EventOf, LockableEvent } from '../index.ts'
import { countdown, duration, personOf, place, setting } from './format.ts'

/** How an event is marked: `quiet` ones are routine, `warn` may become a loss, `bad` is one or leads there. */
export type Tone = 'quiet' | 'plain' | 'good' | 'warn' | 'bad'

/** An event as a line of the log. */
export interface EventLine {
  readonly tone: Tone
  /** What happened, in one or two words. */
  readonly word: string
  /** What else is known of it; may be empty. */
  readonly text: string
}

type Describe<Type extends LockableEvent['type']> = (event: EventOf<Type>) => EventLine

const line = (tone: Tone, word: string, text = ''): EventLine => ({ tone, word, text })

const WORDS: { readonly [Type in LockableEvent['type']]: Describe<Type> } = {
  'acquire.started': ({ steal, blocking }) =>
    line('plain', steal ? 'take over' : 'acquire', steal ? takeOver(steal) : blocking ? '' : 'only if it is free'),
  'acquire.sent': ({ attempt }) => line('quiet', 'request sent', attempt > 1 ? `attempt ${attempt}` : ''),
  'acquire.waiting': ({ position, holders }) =>
    line(
      'plain',
      'waiting',
      `${place(position)}; ${holders.map(({ info }) => personOf(info)).join(', ') || 'somebody'} holds`,
    ),
  'acquire.retried': ({ error }) => line('warn', 'no answer', `${error.message} Trying again.`),
  'acquire.ended': ({ error }) => line('warn', 'not acquired', error.message),
  granted: ({ fencingToken, leaseMs, waitedMs, claim }) =>
    line(
      'good',
      'granted',
      [
        `lease ${setting(leaseMs)}`,
        fencingToken === null ? '' : `token ${fencingToken}`,
        waitedMs >= 1 ? `after ${duration(waitedMs)} in line` : '',
        claim ? 'to be confirmed by a heartbeat' : '',
      ]
        .filter(Boolean)
        .join(', '),
    ),
  'heartbeat.sent': () => line('quiet', 'heartbeat', 'sent'),
  'heartbeat.ok': ({ rttMs, remainingMs }) =>
    line('quiet', 'renewed', `in ${duration(rttMs)}, ${countdown(remainingMs)} certain`),
  'heartbeat.failed': ({ error, remainingMs }) =>
    line('bad', 'heartbeat failed', `${error.message} ${countdown(remainingMs)} left.`),
  'heartbeat.refused': ({ reason }) => line('bad', 'heartbeat refused', `the server says: ${reason}`),
  'heartbeat.stalled': ({ silentMs }) =>
    line('bad', 'heartbeats withheld', `the page has not answered for ${duration(silentMs)}`),
  'heartbeat.paused': () => line('warn', 'fault', 'heartbeats paused here'),
  'heartbeat.resumed': () => line('plain', 'fault ended', 'heartbeats resumed here'),
  health: ({ health, remainingMs }) =>
    health === 'ok' ? line('good', 'on time again') : line('warn', health, `${countdown(remainingMs)} left`),
  ending: ({ reason, successor, remainingMs }) =>
    line(
      'warn',
      'ending',
      reason === 'stolen'
        ? `${personOf(successor)} takes over in ${countdown(remainingMs)}`
        : `revoked, ends in ${countdown(remainingMs)}`,
    ),
  lost: ({ loss }) => line('bad', 'lost', loss.sentence),
  released: () => line('plain', 'released'),
  'release.answered': ({ acknowledged, error }) =>
    acknowledged
      ? line('quiet', 'release', 'confirmed by the server')
      : line('warn', 'release', `not confirmed${error ? `: ${error.message}` : ''}`),
  status: ({ state, holders, waiters }) =>
    line('quiet', 'status', `${state}${holders[0] ? ` by ${personOf(holders[0].info)}` : ''}, ${waiters} waiting`),
  dialect: ({ dialect }) => line('plain', 'server', `speaks the ${dialect} dialect`),
  'heartbeat.thread': ({ thread, reason }) =>
    line(reason === null ? 'plain' : 'warn', 'heartbeats', `sent from the ${thread}${reason ? `: ${reason}` : ''}`),
  'worker.tick': () => line('quiet', 'worker', 'runs'),
  'worker.lost': ({ reason }) => line('warn', 'worker', `lost: ${reason}`),
  'page.stalled': ({ ms }) => line('warn', 'page', `blocked for ${countdown(ms)}, its worker was not`),
  'page.suspended': ({ ms }) => line('warn', 'page', `stood still for ${countdown(ms)}, with its worker`),
  'page.hidden': () => line('plain', 'page', 'hidden'),
  'page.visible': () => line('plain', 'page', 'visible'),
  'page.frozen': () => line('warn', 'page', 'frozen'),
  'page.resumed': () => line('plain', 'page', 'runs again'),
  'page.online': () => line('good', 'network', 'online'),
  'page.offline': () => line('warn', 'network', 'offline'),
  'page.leaving': () => line('plain', 'page', 'left'),
  'client.closed': () => line('plain', 'client', 'closed'),
}

function takeOver(steal: 'safe' | 'now'): string {
  return steal === 'safe' ? 'when the lease of the holder ends' : 'at once'
}

/** `event` in words, for the log and for the evidence of a loss. */
export function describeEvent(event: LockableEvent): EventLine {
  // The table has one function for each type, which the type checker cannot follow through the index.
  const describe = WORDS[event.type] as ((event: LockableEvent) => EventLine) | undefined
  return describe?.(event) ?? line('quiet', event.type)
}
