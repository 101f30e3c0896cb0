import { type ReactElement, useEffect, useState } from 'react'

const ASK_EVERY_MS = 4000

/** Says in words that there is no lock server, and how to get one. Nothing while there is one. */
export function ServerNotice({ problem }: { problem: string | null }): ReactElement | null {
  if (problem === null) return null
  return (
    <div className="server-notice" role="alert">
      <p>
        <strong>The lock server does not answer.</strong> {problem} Start it with <code>npm start</code>, or by itself
        with <code>npx --no-install lockable serve</code>. This page notices by itself when it is back.
      </p>
    </div>
  )
}

/** What is wrong with the lock server, in a sentence; `null` if it answers, or while that is not known. */
export function useServerProblem(): string | null {
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    const stop = new AbortController()
    const ask = async () => {
      const found = await problemOfServer(stop.signal)
      if (!stop.signal.aborted) setProblem(found)
    }
    void ask()
    const timer = setInterval(ask, ASK_EVERY_MS)
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [])
  return problem
}

async function problemOfServer(signal: AbortSignal): Promise<string | null> {
  try {
    const reply = await fetch('/v1', { signal, cache: 'no-store' })
    if (!reply.ok) return `Asking it brought status ${reply.status}.`
    const { service }: { service?: unknown } = await reply.json()
    return service === 'lockable' ? null : 'Something else answers in its place.'
  } catch {
    return 'There was no answer at all.'
  }
}
