import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Child } from './child.ts'

const VITE = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url))
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
}

export interface App {
  readonly url: string
  close(): Promise<void>
}

/**
 * Builds the application in `folder` for production with Vite, as its author would, and serves the result.
 *
 * @param headers sent with everything, such as a Content Security Policy.
 */
export async function serveApp(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<App> {
  const build = new Child(process.execPath, [VITE, 'build', '--logLevel', 'warn'], { cwd: folder })
  expect(await build.ended).toEqual({ code: 0, stdout: '', stderr: '' })
  return serveFolder(join(folder, 'dist'), headers)
}

async function serveFolder(folder: string, headers: Readonly<Record<string, string>>): Promise<App> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = join(folder, normalize(pathname === '/' ? '/index.html' : pathname))
    if (!(await isFile(file))) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', ...headers })
    response.end(await readFile(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isFile() ?? false
}
