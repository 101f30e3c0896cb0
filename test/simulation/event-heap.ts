/** Something that will happen at a point of true time. */
export interface SimulatedEvent {
  /** True ms. */
  readonly at: number
  /** Decides between events of the same time. */
  readonly order: number
  /** `null`: cancelled. */
  task: (() => void) | null
}

/** A binary heap of events, the earliest first. */
export class EventHeap {
  readonly #events: SimulatedEvent[] = []

  push(event: SimulatedEvent): void {
    const events = this.#events
    let index = events.length
    events.push(event)
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = events[parentIndex]
      if (parent === undefined || isBefore(parent, event)) break
      events[index] = parent
      index = parentIndex
    }
    events[index] = event
  }

  /** Takes the earliest event that was not cancelled; `undefined` if there is none. */
  pop(): SimulatedEvent | undefined {
    for (;;) {
      const first = this.#take()
      if (first === undefined || first.task !== null) return first
    }
  }

  #take(): SimulatedEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || first === last) return first
    let index = 0
    for (;;) {
      const leftIndex = 2 * index + 1
      const left = events[leftIndex]
      if (left === undefined) break
      const right = events[leftIndex + 1]
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (isBefore(last, child)) break
      events[index] = child
      index = isRight ? leftIndex + 1 : leftIndex
    }
    events[index] = last
    return first
  }
}

function isBefore(one: SimulatedEvent, other: SimulatedEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
