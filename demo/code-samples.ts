/** What the first scene does. */
export const DOCUMENT_CODE = `const lock = useLock('doc:42', {
  enabled: false,          // on request
  info: { name: 'Alice' }, // shown to others
})

lock.acquire()   // edit, or wait in line
lock.takeOver()  // ask the holder
lock.release()   // done

if (lock.status === 'held') {
  save(text, lock.lease.fencingToken)
}`

/** What the second scene does. */
export const SYNC_CODE = `const { lease } = useLock('sync', {
  autoReacquire: true,
})

useEffect(() => {
  if (!lease) return
  const stop = runSync(lease.signal)
  return stop
}, [lease])`
