import { chown, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { User } from './guarded-process.ts'
import { watchdog } from './watchdog.ts'

/** A new temporary folder of this user, which does not outlive this process. */
export async function makeEngineFolder(engine: string, user: User | null = null): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `lockable-${engine}-`)))
  watchdog.guard({ folder })
  if (user !== null) await chown(folder, user.uid, user.gid)
  return folder
}

export async function removeEngineFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  watchdog.forget({ folder })
}
