import { readFile, stat } from 'node:fs/promises'
import { createServer, type RequestListener, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const CONTENT_TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }

/** An application that a browser can open. */
export interface App {
  readonly url: string
  close(): Promise<void>
}

/** Serves the application that was built into the `dist` of `folder`. */
export function serveApp(folder: string): Promise<App> {
  return listen(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = join(folder, 'dist', normalize(pathname === '/' ? '/index.html' : pathname))
    const found = await isFile(file)
    // Browsers ask for an icon of their own accord, and complain on the console if there is none.
    if (!found) return response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(await readFile(file))
  })
}

/** Serves what `app` serves, with more headers, such as a Content Security Policy. It does not close `app`. */
export function withHeaders(app: App, headers: Readonly<Record<string, string>>): Promise<App> {
  return listen((request, response) => {
    const { method, headers: asked } = request
    const passedOn = send(new URL(request.url ?? '/', app.url), { method, headers: asked }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, { ...reply.headers, ...headers })
      reply.pipe(response)
    })
    passedOn.on('error', () => response.destroy())
    request.pipe(passedOn)
  })
}

async function listen(listener: RequestListener): Promise<App> {
  const server = createServer(listener)
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
