import { type ReactElement, type ReactNode, useId } from 'react'

interface SceneProps {
  readonly title: string
  /** What to do, in a sentence. */
  readonly attempt: ReactNode
  /** What to look at, in a sentence. */
  readonly observe: ReactNode
  /** The few lines of code behind it. */
  readonly code: string
  readonly children: ReactNode
}

/** One thing that locks are good for: what to try, what to observe, and the code. */
export function Scene({ title, attempt, observe, code, children }: SceneProps): ReactElement {
  const id = useId()
  return (
    <section className="scene" aria-labelledby={id}>
      <div className="scene-text">
        <h2 id={id}>{title}</h2>
        <p>
          <b>Try.</b> {attempt}
        </p>
        <p>
          <b>Observe.</b> {observe}
        </p>
        <details>
          <summary>The code</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre tabIndex={0}>
            <code>{code}</code>
          </pre>
        </details>
      </div>
      <div className="scene-stage">{children}</div>
    </section>
  )
}
