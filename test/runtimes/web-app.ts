import { copyFile, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { Child } from './child.ts'

const VITE = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url))
const CONTENT_TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }

/** Builds the application in `folder` into its `dist`, as its author would. */
export async function buildWithVite(folder: string): Promise<void> {
  await succeed(process.execPath, [VITE, 'build', '--logLevel', 'warn'], folder)
}

/** Builds the application in `folder`, whose `index.html` starts `main.js`, into its `dist`. */
export async function buildWithEsbuild(folder: string): Promise<void> {
  const args = ['main.js', '--bundle', '--format=esm', '--target=es2022', '--outdir=dist', '--log-level=warning']
  await succeed('npx', ['--no-install', 'esbuild', ...args], folder)
  await copyFile(join(folder, 'index.html'), join(folder, 'dist', 'index.html'))
}

async function succeed(command: string, args: readonly string[], folder: string): Promise<void> {
  const { code, stdout, stderr } = await new Child(command, args, { cwd: folder }).ended
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  // A build that warns about the package is no good build. npm's own remarks are not meant.
  expect(`${stdout}${stderr.replace(/^npm .*$/gm, '')}`.trim()).toBe('')
}

export interface App {
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the application that was built in `folder`.
 *
 * @param headers sent with everything, such as a Content Security Policy.
 */
export async function serveApp(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<App> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = join(folder, 'dist', normalize(pathname === '/' ? '/index.html' : pathname))
    const found = await isFile(file)
    // Browsers ask for an icon of their own accord, and complain on the console if there is none.
    if (!found) return response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream', ...headers })
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
