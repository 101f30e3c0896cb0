/** ms from when something was taken away until a lock could be had again. */
export interface Recovery {
  readonly kind: 'server' | 'engine'
  readonly ms: number
}

/** What the storm has done, as it goes on. */
export class Tally {
  readonly faults = new Map<string, number>()
  readonly recoveries: Recovery[] = []
  /** What should not have happened, besides what the logs tell. */
  readonly troubles: string[] = []

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  recovered(kind: Recovery['kind'], ms: number | null, after: string): void {
    if (ms === null) this.troubles.push(`Nothing was granted any more after: ${after}`)
    else this.recoveries.push({ kind, ms })
  }
}
