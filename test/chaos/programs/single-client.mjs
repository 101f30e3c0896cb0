import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { now, tell } from '../../processes/programs/tale.mjs'

/** ms that a request is parked for at most. */
const WAIT_MS = 500
/** ms after which no answer is waited for, on top of what it is parked for. */
const ANSWER_MS = 700
const RETRY_MS = 50
/** By how much the clocks of two machines may go apart, and ms for the rest. */
const MARGIN = { part: 0.02, ms: 100 }

/** Another client than ours, by the book of `docs/protocol.md`: a lease and an owner for each lock, and no sessions. */
export class SingleClient {
  #url
  #leaseMs

  constructor(url, leaseMs) {
    this.#url = url
    this.#leaseMs = leaseMs
  }

  async acquire(name, { mode, timeout, signal }) {
    const owner = randomBytes(16).toString('base64url')
    const end = now() + timeout
    while (now() < end && !signal.aborted) {
      const sentAt = now()
      const reply = await this.ask('acquire', name, { owner, mode, lease_ms: this.#leaseMs, wait_ms: WAIT_MS })
      if (reply?.response === true) {
        const lease = new SingleLease(this, { name, owner, mode, sentAt, reply })
        if (lease.state === 'held') return lease
        break
      }
      if (reply?.reason !== 'queued') await sleep(RETRY_MS)
    }
    // It may have been granted without our knowledge. What cannot be told runs out.
    await this.ask('release', name, { owner })
    throw Object.assign(new Error('It was not granted in time.'), { code: 'timeout' })
  }

  async close() {}

  /** The reply; `null` if there is none, or an error. */
  async ask(operation, name, body) {
    try {
      const response = await fetch(`${this.#url}/v1/${operation}/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS + (body.wait_ms ?? 0)),
      })
      return response.ok ? await response.json() : null
    } catch {
      return null
    }
  }
}

class SingleLease {
  #client
  #owner
  #until
  #isOver = false

  constructor(client, { name, owner, mode, sentAt, reply }) {
    this.#client = client
    this.#owner = owner
    this.name = name
    this.id = owner.slice(0, 6)
    this.fencingToken = reply.fencing_token
    this.#until = endOf(sentAt, reply)
    const at = now()
    tell('granted', { name, lease: this.id, mode, token: this.fencingToken, until: this.#until }, at)
    if (at >= this.#until) this.#tooLate()
    else void this.#beat(reply.lease_ms / 3)
  }

  get state() {
    if (!this.#isOver && now() >= this.#until) this.#lose('expired')
    return this.#isOver ? 'lost' : 'held'
  }

  async release() {
    this.#isOver = true
    const reply = await this.#client.ask('release', this.name, { owner: this.#owner })
    return reply?.response === true
  }

  async #beat(intervalMs) {
    // The first one confirms a claim.
    for (let pause = 0; this.state === 'held'; pause = intervalMs) {
      await sleep(pause, undefined, { ref: false })
      if (this.state !== 'held') return
      const sentAt = now()
      const reply = await this.#client.ask('heartbeat', this.name, { owner: this.#owner })
      // A late success is no success.
      if (reply === null || this.state !== 'held') continue
      if (reply.response !== true) return this.#lose(reply.reason)
      this.#until = Math.max(this.#until, endOf(sentAt, reply))
      tell('renewed', { name: this.name, lease: this.id, until: this.#until })
    }
  }

  #lose(cause) {
    const { name, id } = this
    this.#isOver = true
    tell('aborted', { name, lease: id, answers: {} })
    this.#tellLoss(cause)
  }

  #tooLate() {
    const { name, id } = this
    this.#isOver = true
    tell('too late', { name, lease: id })
    this.#tellLoss('too-slow')
  }

  #tellLoss(cause) {
    const { name, id } = this
    tell('lost', { name, lease: id, cause })
    tell('onLockLoss', { name, cause, sentence: '' })
  }
}

/** When what a reply grants is over by our clock; it counts from when the request was sent. */
function endOf(sentAt, { waited_ms: waited = 0, expires_in_ms: left }) {
  return sentAt + waited * (1 - MARGIN.part) + left * (1 - MARGIN.part) - MARGIN.ms
}
