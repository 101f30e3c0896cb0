import type { ReactElement } from 'react'
import type { DeskState } from './use-desk.ts'

/** Text that was not saved when the lock was lost: it is never thrown away unasked. */
export function KeptText({ desk: { draft, lock } }: { desk: DeskState }): ReactElement | null {
  const { kept } = draft
  if (kept === null) return null
  return (
    <div className="notice" data-tone="info">
      <p>
        <strong>Your unsaved text was kept.</strong>{' '}
        {lock.isHeld ? 'Put it in the place of the document, or copy it.' : 'Edit again to put it back, or copy it.'}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <blockquote tabIndex={0}>{kept}</blockquote>
      <div className="buttons">
        {lock.isHeld && (
          <button type="button" className="button primary" onClick={draft.restoreKept}>
            Put it back
          </button>
        )}
        <button type="button" className="button" onClick={() => void navigator.clipboard?.writeText(kept)}>
          Copy
        </button>
        <button type="button" className="button plain" onClick={draft.discardKept}>
          Discard
        </button>
      </div>
    </div>
  )
}
