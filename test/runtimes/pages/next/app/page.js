import { isLockableError } from 'lockable'
import { Editor } from './editor.js'

/** Rendered at each request, so that the server has to load the package too. */
export const dynamic = 'force-dynamic'

export default function Page() {
  return <Editor subject={isLockableError(null) ? 'The error' : 'The lock'} />
}
