import type { ReactElement } from 'react'

export function Wordmark(): ReactElement {
  return (
    <span className="wordmark">
      <svg width="24" height="24" viewBox="0 0 16 16" aria-hidden="true">
        <rect width="16" height="16" rx="4.5" />
        <path d="M4.5 7.5h7V12h-7ZM6 7.5V6a2 2 0 0 1 4 0v1.5" />
      </svg>
      lockable
    </span>
  )
}
