import { type ReactElement, useEffect, useState } from 'react'
import { useStore } from 'zustand'
import { type UseLockResult, useLock } from '../src/react/index.ts'
import { Avatar, hueOf } from './avatar.tsx'
import { identity, TAB } from './holder.ts'
import { LeaseClock } from './lease-clock.tsx'
import { progress, useSyncJob } from './sync-job.ts'
import { openTabs, reportTab, type TabReport } from './tabs.ts'

/** The name of the lock: whoever holds it runs the job. */
const SYNC_LOCK = 'demo:sync'

/** A job that must run once however many tabs are open. */
export function SyncScene({ person, hasServer }: { person: string; hasServer: boolean }): ReactElement {
  const [takesPart, setTakesPart] = useState(true)
  const lock = useLock(SYNC_LOCK, { enabled: takesPart, info: identity(person), autoReacquire: true })
  useSyncJob(lock.lease, person)
  const { records, by } = useStore(progress)
  const tabs = useStore(openTabs, (state) => state.tabs)
  const state = stateOf(lock)
  const { position } = lock

  useEffect(() => reportTab({ tab: TAB, person, state, place: position }), [person, state, position])

  // A job nobody looks after must come back by itself when its server does.
  const isStranded = lock.status === 'failed' && hasServer
  useEffect(() => {
    if (isStranded) lock.acquire().catch(() => {})
  }, [isStranded, lock.acquire])

  const toggle = () => {
    setTakesPart(!takesPart)
    void lock.release().catch(() => {})
  }
  return (
    <div className="sync">
      <div className="sync-count" data-runs={lock.isHeld || undefined}>
        <p className="sync-number">
          <span className="number">{records.toLocaleString('en')}</span> records synced
        </p>
        <p className="sync-by">
          <span role="status">{situationOf(lock, takesPart, by)}</span>
          {lock.isHeld && <LeaseClock name={SYNC_LOCK} />}
        </p>
        <div className="buttons">
          <a className="button primary" href={location.pathname} target="_blank" rel="noreferrer">
            Open another tab
          </a>
          <button type="button" className="button" aria-pressed={!takesPart} onClick={toggle}>
            {takesPart ? 'Step aside' : 'Take part again'}
          </button>
        </div>
      </div>
      <ul className="tabs" aria-label="Open tabs">
        {tabs.map((report) => (
          <TabCard key={report.tab} report={report} />
        ))}
      </ul>
    </div>
  )
}

function TabCard({ report: { tab, person, state, place } }: { report: TabReport }): ReactElement {
  return (
    <li className="tab" style={hueOf(person)} data-state={state}>
      <Avatar name={person} />
      <span className="tab-name">
        {person}
        {tab === TAB && <em>this tab</em>}
      </span>
      <span className="tab-state">
        {state === 'runs'
          ? 'runs the sync'
          : state === 'aside'
            ? 'stands aside'
            : place === 1
              ? 'is next'
              : inLine(place)}
      </span>
    </li>
  )
}

function inLine(place: number | null): string {
  return place === null ? 'stands by' : `stands by, ${place} in line`
}

function stateOf({ status }: UseLockResult): TabReport['state'] {
  if (status === 'held') return 'runs'
  return status === 'blocked' || status === 'acquiring' ? 'waits' : 'aside'
}

function situationOf(lock: UseLockResult, takesPart: boolean, by: string): string {
  if (lock.status === 'held') return 'This tab runs it.'
  if (lock.status === 'failed') return lock.error.message
  if (!takesPart) return 'This tab stands aside.'
  if (lock.status !== 'blocked') return 'This tab asks whether it should run it.'
  return `${by || 'Another tab'} runs it; this tab stands by${lock.position === 1 ? ' and is next.' : '.'}`
}
