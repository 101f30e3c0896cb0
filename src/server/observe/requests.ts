import type { Hono } from 'hono'
import type { ServerClock } from '../clock.ts'
import { rawPath } from '../http/path.ts'
import type { Observer } from './facts.ts'

/** The only methods that are told, since strangers can send any. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

/** The patterns of an application's paths. */
export class Routes {
  readonly #app: Hono
  #exact: ReadonlySet<string> | null = null
  /** Of patterns that end in a star, all that comes before. */
  #prefixes: readonly string[] = []

  constructor(app: Hono) {
    this.#app = app
  }

  /** The pattern of a path, such as `/v1/acquire/*`; `other` if there is nothing at it. */
  of(path: string): string {
    const exact = this.#exact ?? this.#read()
    if (exact.has(path)) return path
    const prefix = this.#prefixes.find((each) => path.startsWith(each))
    return prefix === undefined ? 'other' : `${prefix}*`
  }

  /** Later than the constructor, since routes are added one by one. */
  #read(): ReadonlySet<string> {
    const paths = this.#app.routes.map(({ path }) => path)
    // What stands in front of all of them is none.
    const open = paths.filter((path) => path.endsWith('*') && path !== '/*' && path !== '*')
    this.#prefixes = [...new Set(open)].map((path) => path.slice(0, -1))
    this.#exact = new Set(paths.filter((path) => !path.endsWith('*')))
    return this.#exact
  }
}

/** Tells of requests that have been answered. */
export function requestTeller(
  routes: Routes,
  clock: ServerClock,
  observe: Observer,
): (request: Request, status: number, startedAt: number) => void {
  return (request, status, startedAt) => {
    const path = rawPath(request.url)
    const route = routes.of(path)
    observe({
      kind: 'request',
      route,
      method: METHODS.has(request.method) ? request.method : 'other',
      status,
      ms: clock.now() - startedAt,
      rest: route.endsWith('*') ? path.slice(route.length - 1) : null,
    })
  }
}
