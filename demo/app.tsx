import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { LockDevtools } from '../src/devtools/index.ts'
import { LockProvider } from '../src/react/index.ts'
import { clientOf, LEASE_MS, sayGoodbye } from './clients.ts'
import { DOCUMENT_CODE, SYNC_CODE } from './code-samples.ts'
import { DocumentScene } from './document-scene.tsx'
import { claimName, freeName, NAMES } from './people.ts'
import { Scene } from './scene.tsx'
import { ServerNotice, useServerProblem } from './server-notice.tsx'
import { SyncScene } from './sync-scene.tsx'
import { ThemeSwitch, useTheme } from './theme-switch.tsx'
import { Wordmark } from './wordmark.tsx'

/** Below this width the panel would hide the page. */
const WIDE = '(min-width: 720px)'

interface AppProps {
  readonly firstPerson: string
  readonly firstCompanion: string | null
  /** Who might sit beside them, if nobody does at first. */
  readonly firstCandidate: string
}

export function App({ firstPerson, firstCompanion, firstCandidate }: AppProps): ReactElement {
  const [person, setPerson] = useState(firstPerson)
  const [companion, setCompanion] = useState(firstCompanion)
  const [candidate, setCandidate] = useState(firstCandidate)
  const [theme, setTheme] = useTheme()
  const problem = useServerProblem()
  useEffect(() => claimName(person), [person])
  useEffect(() => (companion === null ? undefined : claimName(companion)), [companion])
  const clients = useMemo(
    () => Object.fromEntries([person, companion].flatMap((name) => (name === null ? [] : [[name, clientOf(name)]]))),
    [person, companion],
  )

  const becomePerson = (name: string) => {
    if (name === companion) changeCompanion(null)
    sayGoodbye(person)
    history.replaceState(null, '', `?as=${encodeURIComponent(name)}`)
    setPerson(name)
  }
  const changeCompanion = (name: string | null) => {
    if (companion !== null) {
      sayGoodbye(companion)
      setCandidate(companion)
    }
    setCompanion(name)
  }
  return (
    <>
      <header className="top">
        <Wordmark />
        <PersonPicker person={person} onChange={becomePerson} />
        <ThemeSwitch theme={theme} onChange={setTheme} />
      </header>
      <main>
        <div className="hero">
          <h1>One holder at a time.</h1>
          <p>
            Two things that locks are for, with a real lock server behind this page. Its leases last {LEASE_MS / 1000}{' '}
            seconds (<code>leaseDuration: {LEASE_MS.toLocaleString('en').replace(',', '_')}</code>), short enough to
            watch; a heartbeat every four seconds renews them.
          </p>
        </div>
        <ServerNotice problem={problem} />
        <Scene
          title="Two people, one document"
          attempt={
            <>
              Press <b>Edit</b> as one person and <b>Wait in line</b> as the other, or let the other{' '}
              <b>ask to take over</b>.
            </>
          }
          observe={
            <>
              Only one of them can type. Who holds the document sees who asks, has seconds to finish, and loses no text.
            </>
          }
          code={DOCUMENT_CODE}
        >
          <DocumentScene
            person={person}
            companion={companion}
            candidate={candidate === person ? freeName(new Set([person])) : candidate}
            onCompanion={changeCompanion}
          />
        </Scene>
        <Scene
          title="Only one tab runs the sync"
          attempt={
            <>
              Open this page in <b>another tab</b>, or in three, then close the one that counts.
            </>
          }
          observe="One tab counts, the others stand in line, and the next one goes on where the closed one stopped."
          code={SYNC_CODE}
        >
          <LockProvider client={clientOf(person)} key={person}>
            <SyncScene person={person} hasServer={problem === null} />
          </LockProvider>
        </Scene>
      </main>
      <LockDevtools clients={clients} theme={theme} initialIsOpen={matchMedia(WIDE).matches} />
    </>
  )
}

function PersonPicker({ person, onChange }: { person: string; onChange: (name: string) => void }): ReactElement {
  const names = NAMES.includes(person) ? NAMES : [person, ...NAMES]
  return (
    <label className="field">
      <span>You are</span>
      <select value={person} onChange={({ target }) => onChange(target.value)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  )
}
