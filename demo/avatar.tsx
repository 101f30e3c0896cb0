import type { CSSProperties, ReactElement } from 'react'
import { personNamed } from './people.ts'

/** The initial of a person on their colour. */
export function Avatar({ name }: { name: string }): ReactElement {
  return (
    <span className="avatar" style={hueOf(name)} aria-hidden="true">
      {[...name][0]}
    </span>
  )
}

/** Sets the colour of a person for what is inside. */
export function hueOf(name: string): CSSProperties {
  return { '--hue': personNamed(name).hue } as CSSProperties
}
