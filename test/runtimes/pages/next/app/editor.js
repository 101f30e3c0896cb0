'use client'

import { Lockable } from 'lockable'
import { LockProvider, useLock } from 'lockable/react'
import { useEffect } from 'react'
import { hold } from '../../hold.js'

/** Made on the server as well, as the clients of most applications are. */
const client = new Lockable()

export function Editor({ subject }) {
  useEffect(() => {
    hold('auto')
  }, [])
  return (
    <LockProvider client={client}>
      <Heading subject={subject} />
    </LockProvider>
  )
}

function Heading({ subject }) {
  const { status } = useLock(null)
  return <h1>{`${subject} is ${status}.`}</h1>
}
