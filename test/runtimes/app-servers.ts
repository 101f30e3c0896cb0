import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { VITE } from './bundlers.ts'
import { Child } from './child.ts'
import { consumers } from './consumers.ts'
import type { App } from './web-app.ts'

const NEXT = join(consumers.next, 'node_modules/.bin/next')
const NO_TELEMETRY = { NEXT_TELEMETRY_DISABLED: '1' }

/** Serves the application in `folder` by the dev server of Vite, which has bundled none of the dependencies before. */
export async function startViteDev(folder: string): Promise<App> {
  const server = new Child(process.execPath, [VITE, '--host', '127.0.0.1', '--port', '0', '--force'], { cwd: folder })
  return appOf(server, /Local:\s+(http:\S+)/)
}

/** Builds the application of Next.js in `folder`, and serves it. */
export async function startNext(folder: string, bundler: 'turbopack' | 'webpack'): Promise<App> {
  await rm(join(folder, '.next'), { recursive: true, force: true })
  const { code, stdout, stderr } = await next(folder, 'build', `--${bundler}`).ended
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  // It marks warnings by this, in builds that succeed too.
  expect(`${stdout}${stderr}`).not.toContain('⚠')
  return appOf(next(folder, 'start', '--hostname', '127.0.0.1', '--port', '0'), /Local:\s+(http:\S+)/)
}

function next(folder: string, ...args: readonly string[]): Child {
  return new Child(NEXT, args, { cwd: folder, env: NO_TELEMETRY })
}

async function appOf(server: Child, address: RegExp): Promise<App> {
  try {
    const [, url = ''] = await server.line(address)
    return { url: new URL(url).href, close: () => server.kill() }
  } catch (error) {
    await server.kill()
    throw error
  }
}
