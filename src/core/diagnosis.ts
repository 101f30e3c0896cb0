import type { EndReason, Json } from '../protocol/wire.ts'
import type { EventOf, EventType, LockableEvent } from './events.ts'
import type { Loss, LossCause } from './loss.ts'

/** What ended the belief in a lease. */
export type LossTrigger =
  /** Its deadline passed on the client's own clock. */
  | { readonly kind: 'expired' }
  /** The server said no to a heartbeat; `'no'` is a classic server's, which gives no reason. */
  | { readonly kind: 'refused'; readonly reason: EndReason | 'no' }
  | { readonly kind: 'left-page' }
  | { readonly kind: 'max-hold'; readonly ms: number }

/** ms by which the wall clock must run ahead of the monotonic one to speak for sleep. */
const SLEEP_GAP_MS = 2_000
/** How many events are given as evidence. */
const EVIDENCE_LIMIT = 12

/**
 * Explains a loss from what was seen.
 *
 * @param trace the events of the lease, and of the client as a whole, oldest first.
 * @param now the moment of the loss.
 */
export function diagnose(
  trigger: LossTrigger,
  lease: string,
  trace: readonly LockableEvent[],
  now: { readonly at: number; readonly wall: number },
): Loss {
  const facts = new Facts(lease, trace, now)
  const [cause, sentence, advice] = judge(trigger, facts)
  return { cause, sentence, advice, evidence: facts.evidence() }
}

type Judgement = readonly [cause: LossCause, sentence: string, advice: string]

function judge(trigger: LossTrigger, facts: Facts): Judgement {
  switch (trigger.kind) {
    case 'left-page':
      return ['frozen', 'The page was left, so its locks were handed back.', 'Acquire it again when the page is shown.']
    case 'max-hold':
      return [
        'revoked',
        `It was given up after maxHold, ${seconds(trigger.ms)}.`,
        'Raise maxHold above the longest time that the work takes, or find out why it took so long.',
      ]
    case 'refused':
      return judgeRefusal(trigger.reason, facts)
    case 'expired':
      return judgeExpiry(facts)
  }
}

function judgeRefusal(reason: EndReason | 'no', facts: Facts): Judgement {
  if (reason === 'stolen') return takenOver(facts)
  if (reason === 'revoked') return revoked
  if (reason === 'expired' && facts.silence()) return judgeExpiry(facts)
  const said = reason === 'no' || reason === 'unknown' ? '' : ` and calls it ${reason}`
  return [
    'revoked',
    `The server no longer has this lock for us${said}: somebody else released it, or the server restarted and forgot it.`,
    'If the server restarted, acquire the lock again, and start it with --mark or --grace; if not, look for who released it.',
  ]
}

function takenOver(facts: Facts): Judgement {
  return [
    'taken-over',
    `${nameIn(facts.last('ending')?.successor) ?? 'Somebody else'} took the lock over.`,
    'Save what you have as a draft, and acquire the lock again to go on.',
  ]
}

/** What people would call whoever gave this `info`. */
function nameIn(info: Json | undefined): string | null {
  if (typeof info === 'string') return info
  if (typeof info !== 'object' || info === null || Array.isArray(info)) return null
  const { name, label } = info as { readonly name?: Json; readonly label?: Json }
  return [name, label].find((each) => typeof each === 'string') ?? null
}

const revoked: Judgement = [
  'revoked',
  'The lock was revoked at the server.',
  'Ask the operator of the lock server why, and acquire it again.',
]

/** The rules, most certain first: the first that fits is the cause. */
function judgeExpiry(facts: Facts): Judgement {
  const lasted = `${seconds(facts.sinceRenewal())} passed without a renewal`
  if (facts.last('heartbeat.paused')) {
    return [
      'injected',
      `Heartbeats were paused in the devtools, so the lease ran out: ${lasted}.`,
      'Nothing is wrong: resume the heartbeats, and acquire the lock again.',
    ]
  }
  const ending = facts.last('ending')
  if (ending) return ending.reason === 'stolen' ? takenOver(facts) : revoked
  const stalled = facts.last('heartbeat.stalled')
  if (stalled) {
    return [
      'frozen',
      `The main thread did not answer for ${seconds(stalled.silentMs)}, longer than stallTimeout, so heartbeats were withheld.`,
      'Move the work that blocks the main thread to a worker, or raise stallTimeout.',
    ]
  }
  return judgeFailures(facts, lasted) ?? judgeSilence(facts, lasted)
}

function judgeFailures(facts: Facts, lasted: string): Judgement | null {
  const failures = facts.failures()
  const last = failures.at(-1)?.error
  if (!last) return null
  const tried = `${failures.length} ${failures.length === 1 ? 'heartbeat' : 'heartbeats'} failed, ${lasted}`
  switch (last.code) {
    case 'authentication':
      return [
        'unauthorised',
        `The server refused the token (${last.status}): ${tried}.`,
        'Give the client a token that is valid for longer, or a function that brings a fresh one.',
      ]
    case 'server':
      return [
        'server-error',
        `The server answered ${last.status}: ${tried}.`,
        'Look at the log of the lock server and its store.',
      ]
    case 'network':
      if (last.timedOut && !facts.offline()) {
        return [
          'too-slow',
          `Answers did not come in time: ${tried}.`,
          'Ask for a longer lease, or look for what delays requests.',
        ]
      }
      return [
        'offline',
        `The server could not be reached: ${tried}.`,
        'Check the network. A longer lease bridges longer gaps.',
      ]
    default:
      return ['server-error', `Answers made no sense (${last.message}): ${tried}.`, 'Check what answers at the url.']
  }
}

function judgeSilence(facts: Facts, lasted: string): Judgement {
  if (facts.sleptMs() > SLEEP_GAP_MS) {
    return ['slept', `The computer slept: ${lasted}.`, 'Acquire the lock again; no lease can outlast every sleep.']
  }
  if (facts.workerDied()) {
    return [
      'worker-died',
      `The worker that sends heartbeats is gone: ${lasted}.`,
      'See the heartbeat.thread event for why.',
    ]
  }
  if (facts.last('page.frozen')) {
    return [
      'frozen',
      `The browser froze this page: ${lasted} that it could hear of.`,
      'Leave preventFreezing on, and save on lease.signal: on a phone no page can prevent it.',
    ]
  }
  if (facts.silence()) {
    return [
      'frozen',
      `This thread did not run: ${lasted} that it could hear of.`,
      'Raise leaseDuration above the longest freeze that you expect, or save on lease.signal.',
    ]
  }
  if (facts.last('heartbeat.sent')) {
    return [
      'too-slow',
      `The answer to the last heartbeat came too late: ${lasted}.`,
      'Ask for a longer lease, or look for what delays requests.',
    ]
  }
  return ['unknown', `The lease ran out: ${lasted}.`, 'Subscribe to the events of the client to see more.']
}

/** What the trace says about one lease since its last renewal. */
class Facts {
  readonly #now: { readonly at: number; readonly wall: number }
  /** From the last renewal on. */
  readonly #since: readonly LockableEvent[]
  readonly #all: readonly LockableEvent[]

  constructor(lease: string, trace: readonly LockableEvent[], now: { readonly at: number; readonly wall: number }) {
    this.#now = now
    this.#all = trace.filter((event) => !('lease' in event) || event.lease === lease)
    const renewal = this.#all.findLastIndex(({ type }) => type === 'heartbeat.ok' || type === 'granted')
    this.#since = this.#all.slice(Math.max(0, renewal))
  }

  /** The last event of this type; of the two that switch a fault, only if the fault is still on. */
  last<Type extends EventType>(type: Type): EventOf<Type> | undefined {
    const events = type === 'ending' || type === 'heartbeat.paused' ? this.#all : this.#since
    const found = events.findLast((event) => event.type === type) as EventOf<Type> | undefined
    if (type !== 'heartbeat.paused' || !found) return found
    const resumed = events.findLast((event) => event.type === 'heartbeat.resumed')
    return resumed && resumed.seq > found.seq ? undefined : found
  }

  failures(): EventOf<'heartbeat.failed'>[] {
    return this.#since.filter((event) => event.type === 'heartbeat.failed')
  }

  offline(): boolean {
    return this.#all.findLast(({ type }) => type === 'page.offline' || type === 'page.online')?.type === 'page.offline'
  }

  /** Whether a worker that beat before was replaced since the last renewal. */
  workerDied(): boolean {
    const replaced = this.#since.some((event) => event.type === 'heartbeat.thread' && event.thread === 'page')
    return replaced && this.#all.some((event) => event.type === 'heartbeat.thread' && event.thread === 'worker')
  }

  /** Whether no heartbeat was even tried since the last renewal. */
  silence(): boolean {
    return !this.#since.some(({ type }) => type === 'heartbeat.sent' || type === 'heartbeat.failed')
  }

  /** ms since the last renewal was heard of, by the clock that says more. */
  sinceRenewal(): number {
    const from = this.#since[0] ?? this.#now
    return Math.max(this.#now.at - from.at, this.#now.wall - from.wall)
  }

  /** ms by which the wall clock ran ahead of the monotonic one since the last renewal. */
  sleptMs(): number {
    const from = this.#since[0] ?? this.#now
    return this.#now.wall - from.wall - (this.#now.at - from.at)
  }

  evidence(): LockableEvent[] {
    const own = this.#all.filter(
      (event) => 'lease' in event || event.type.startsWith('page.') || event.type === 'heartbeat.thread',
    )
    return own.slice(-EVIDENCE_LIMIT)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
