import { readFileSync } from 'node:fs'

/** The version of the package this file belongs to, wherever in it the build has put it. */
export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const manifest = readManifest(new URL('package.json', folder))
    if (manifest?.name === 'lockable' && typeof manifest.version === 'string') return manifest.version
    if (folder.pathname === new URL('..', folder).pathname) throw new Error('The package.json of lockable is missing.')
  }
}

function readManifest(url: URL): { name?: unknown; version?: unknown } | null {
  try {
    return JSON.parse(readFileSync(url, 'utf8'))
  } catch {
    return null
  }
}
