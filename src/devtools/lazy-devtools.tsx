import { type ComponentType, createElement, type FunctionComponent, useEffect, useState } from 'react'

/**
 * A component that arrives later, and is nothing until then. Not `lazy()` of React: that suspends the tree around it,
 * so that an application would wait for its devtools.
 */
export function arrivingLater<Props extends object>(
  load: () => Promise<ComponentType<Props> | null>,
  name: string,
): FunctionComponent<Props> {
  const Arriving: FunctionComponent<Props> = (props) => {
    const [Arrived, setArrived] = useState<ComponentType<Props> | null>(null)
    useEffect(() => {
      let isWanted = true
      void load().then((component) => isWanted && setArrived(() => component))
      return () => {
        isWanted = false
      }
    }, [])
    return Arrived && createElement(Arrived, props)
  }
  Arriving.displayName = name
  return Arriving
}
