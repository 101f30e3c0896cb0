import type { ReactElement } from 'react'
import { useLeaseCountdown } from '../src/react/index.ts'
import { LEASE_MS } from './clients.ts'

const RADIUS = 8
const LENGTH = 2 * Math.PI * RADIUS

/** What is certain of the lease: it drains, and each heartbeat fills it up again. */
export function LeaseClock({ name }: { name: string }): ReactElement | null {
  const left = useLeaseCountdown(name, { every: 250 })
  if (left === null) return null
  const share = Math.min(1, left / LEASE_MS)
  return (
    <span className="lease-clock" role="timer" title="What is certain of the lease. Each heartbeat fills it up again.">
      <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
        <circle className="track" cx="10" cy="10" r={RADIUS} />
        <circle className="left" cx="10" cy="10" r={RADIUS} strokeDasharray={`${share * LENGTH} ${LENGTH}`} />
      </svg>
      {Math.ceil(left / 1000)} s
    </span>
  )
}
