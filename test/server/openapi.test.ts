import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp, type Dialects } from '../../src/server/app.ts'
import { createHandler, type LockHandler } from '../../src/server/handler.ts'
import { type HandlerOptions, resolveOptions } from '../../src/server/options.ts'
import { newOwner } from '../support/owners.ts'

interface Described {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content: Content }>>
  readonly security?: readonly object[]
}

type Content = Readonly<
  Record<string, { readonly schema: object; readonly 'x-event-data'?: { readonly $ref: string } }>
>

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes?: object }
}

const METRICS: HandlerOptions = { metrics: async () => ({ contentType: 'text/plain', text: 'up 1\n' }) }

async function documentOf(handler: LockHandler): Promise<Document> {
  const response = await handler.fetch(new Request('http://localhost/openapi.json'))
  return (await response.json()) as Document
}

describe('the OpenAPI document', () => {
  const handler = createHandler(METRICS)
  let document: Document

  beforeAll(async () => {
    document = await documentOf(handler)
  })

  afterAll(() => handler.close())

  it('has every route of the server, and no other', () => {
    const app = createApp(resolveOptions(METRICS), {} as Dialects)
    const routes = app.routes.filter(({ path }) => path !== '/*').map(({ path }) => path.replace('*', '{name}'))
    expect(Object.keys(document.paths).sort()).toEqual([...new Set(routes)].sort())
  })

  it('has the methods that a route takes', async () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const method of ['get', 'post', 'put', 'delete']) {
        const { status } = await handler.fetch(
          new Request(`http://localhost${path.replace('{name}', 'k')}`, { method: method.toUpperCase() }),
        )
        expect(status === 405, `${method} ${path} is ${status}`).toBe(!(method in operations))
      }
    }
  })

  it('is one of OpenAPI 3.1 whose references and names are right', () => {
    expect(document.openapi).toBe('3.1.0')
    const text = JSON.stringify(document)
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name)
    }
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { parameters = [] } of Object.values(operations)) {
        expect(parameters.some((each) => each.in === 'path')).toBe(path.includes('{name}'))
      }
    }
  })

  it('says how to authenticate where that is needed', async () => {
    expect(document.components.securitySchemes).toBeUndefined()
    const guarded = createHandler({ tokens: ['lk_one'] })
    const { components, paths } = await documentOf(guarded)
    expect(components.securitySchemes).toMatchObject({ bearer: { scheme: 'bearer' }, basic: { scheme: 'basic' } })
    expect(paths['/metrics']).toBeUndefined()
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security, requestBody }] of Object.entries(operations)) {
        if (requestBody !== undefined) continue
        const { status } = await guarded.fetch(
          new Request(`http://localhost${path.replace('{name}', 'k')}`, { method: method.toUpperCase() }),
        )
        expect(security, `${method} ${path}`).toHaveLength(status === 401 ? 2 : 0)
      }
    }
    await guarded.close()
  })

  it('has the bounds of this server', async () => {
    const other = createHandler({ lease: { minMs: 2_000, defaultMs: 3_000, maxMs: 4_000 } })
    const { components } = await documentOf(other)
    expect(components.schemas.AcquireRequest).toMatchObject({
      properties: { lease_ms: { type: 'integer', minimum: 2_000, maximum: 4_000 }, wait_ms: { default: 0 } },
      required: ['owner'],
    })
    await other.close()
  })
})

describe('what a busy server replies', () => {
  it('is what the document says, and nothing that it does not say', async () => {
    const bench = await Bench.open({ limits: { ownersPerLock: 2 } })
    const a = newOwner()
    const b = newOwner()
    for (const operation of ['acquire', 'heartbeat', 'release']) await bench.get(`/v1/${operation}/classic`)

    await bench.post('/v1/acquire/k', { owner: a, info: { name: 'Alice' } }, 'GrantedReply')
    await bench.post('/v1/acquire/k', { owner: b }, 'RefusedReply')
    await bench.post('/v1/acquire/k', { owner: b, wait_ms: 1 }, 'RefusedReply')
    expect((await bench.post('/v1/acquire/k', { owner: newOwner(), wait_ms: 1 })).status).toBe(429)
    await bench.post('/v1/acquire/k', { owner: b, wait_ms: 1, steal: 'safe' }, 'RefusedReply')
    await bench.post('/v1/acquire/k', { owner: a }, 'GrantedReply')
    const ending = await bench.post('/v1/heartbeat/k', { owner: a }, 'RenewedReply')
    expect(ending.json).toMatchObject({ ending: 'stolen', successor: { info: null } })
    await bench.get('/v1/status/k', 'StatusReply')
    await bench.get('/v1/locks?limit=1', 'LocksReply')
    await bench.post('/v1/release/k', { owner: a }, 'ReleaseReply')
    expect((await bench.post('/v1/acquire/k', { owner: a })).status).toBe(409)
    await bench.post('/v1/heartbeat/k', { owner: a }, 'NotRenewedReply')
    await bench.post('/v1/heartbeat/k', { owner: b }, 'RenewedReply')
    await bench.post('/v1/force-release/k', { now: true }, 'ForceReleaseReply')
    expect((await bench.post('/v1/release/k', { owner: b }, 'ReleaseReply')).json).toMatchObject({ reason: 'revoked' })

    const session = newOwner()
    const mine = newOwner()
    const late = newOwner()
    const holder = newOwner()
    const watched = await bench.follow('get', '/v1/watch?name=busy&name=free')
    await bench.post('/v1/acquire/busy', { owner: holder })
    await bench.post('/v1/session/commands', {
      session,
      open: { lease_ms: 30_000, info: 'tab' },
      seq: 1,
      commands: [
        { op: 'acquire', name: 'mine', owner: mine },
        { op: 'acquire', name: 'busy', owner: late },
        { op: 'acquire', name: '..', owner: newOwner() },
        { op: 'query' },
        { op: 'sync' },
        { op: 'release', name: 'nothing', owner: newOwner() },
      ],
    })
    const followed = await bench.follow('post', '/v1/session/stream', { sessions: [{ session }] })
    await bench.post('/v1/release/busy', { owner: holder })
    await bench.post('/v1/session/heartbeat', { session, confirm: [late] }, 'SessionStanding')
    await bench.post('/v1/acquire/mine', { owner: newOwner(), wait_ms: 1, steal: 'safe', info: 7 })
    await bench.post('/v1/force-release/mine', {})
    await bench.post('/v1/session/heartbeat', { session })
    await bench.post('/v1/force-release/busy', { now: true })
    await bench.post('/v1/session/heartbeat', { session })
    expect((await bench.post('/v1/session/commands', { session, seq: 1, commands: [] })).status).toBe(409)
    await bench.post('/v1/session/release', { session }, 'ReleaseReply')
    expect((await bench.post('/v1/session/heartbeat', { session })).status).toBe(409)
    expect(await followed.types).toContain('gone')

    await bench.get('/v1', 'ServiceReply')
    await bench.get('/healthz', 'HealthReply')
    await bench.get('/readyz', 'ReadyReply')
    await bench.get('/metrics')
    await bench.get('/openapi.json')
    for (const path of ['/v1/acquire/%zz', '/v1/status/..%00', '/v1/locks?limit=x', '/v1/watch']) {
      expect((await bench.get(path)).status).toBe(400)
    }
    expect((await bench.get('/v1/acquire/k', undefined, { Origin: 'https://elsewhere.example' })).status).toBe(403)
    expect((await bench.send('post', '/v1/acquire/k', '{', 'application/json')).status).toBe(400)
    expect((await bench.send('post', '/v1/acquire/k', '{}', 'text/plain')).status).toBe(415)
    expect((await bench.send('post', '/v1/acquire/k', `"${'x'.repeat(20_000)}"`, 'application/json')).status).toBe(413)
    expect((await bench.get(`/v1/status/${'x'.repeat(3_000)}`)).status).toBe(414)

    const closed = bench.handler.close()
    expect(await watched.types).toContain('state')
    await closed
    expect((await bench.get('/readyz', 'ReadyReply')).status).toBe(503)
    expect((await bench.get('/v1/acquire/k')).status).toBe(200)
    expect((await bench.get('/v1/status/k')).status).toBe(503)
    expect(bench.missing()).toEqual([])
  })
})

interface Answer {
  readonly status: number
  readonly json: unknown
}

/** A handler whose every reply is held against its document. */
class Bench {
  readonly handler: LockHandler
  readonly #document: Document
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #answered = new Set<string>()

  static async open(options: HandlerOptions): Promise<Bench> {
    const handler = createHandler({ ...METRICS, ...options })
    return new Bench(handler, await documentOf(handler))
  }

  private constructor(handler: LockHandler, document: Document) {
    this.handler = handler
    this.#document = document
    this.#ajv.addSchema({ $id: 'document', components: { schemas: closed(document.components.schemas) } })
  }

  get(path: string, reply?: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask('get', path, { headers }, reply)
  }

  async post(path: string, body: object, reply?: string): Promise<Answer> {
    const { schema } = this.#operation('post', path).requestBody?.content['application/json'] ?? {}
    this.#check({ components: this.#document.components, ...schema }, body, `the body to ${path}`)
    return this.#ask('post', path, bodyOf(JSON.stringify(body), 'application/json'), reply)
  }

  send(method: string, path: string, body: string, type: string): Promise<Answer> {
    return this.#ask(method, path, bodyOf(body, type))
  }

  /** Opens a stream. `types` resolves when it ends, to those of its events. */
  async follow(method: string, path: string, body?: object): Promise<{ types: Promise<string[]> }> {
    const response = await this.#fetch(method, path, body && bodyOf(JSON.stringify(body), 'application/json'))
    const { 'x-event-data': data } = this.#content(method, path, response)
    const types = response.text().then((text) => {
      const events = [...text.matchAll(/^id: .*\ndata: (.*)$/gm)].map(([, json = '']) => JSON.parse(json))
      for (const event of events) this.#check({ $ref: `document${data?.$ref}` }, event, `an event of ${path}`)
      return events.map(({ type = 'state' }) => type)
    })
    return { types }
  }

  /** The operations of the document that have not been answered with success. */
  missing(): string[] {
    return Object.entries(this.#document.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .map((method) => `${method} ${path}`)
        .filter((operation) => !this.#answered.has(operation)),
    )
  }

  async #ask(method: string, path: string, init: RequestInit, reply?: string): Promise<Answer> {
    const response = await this.#fetch(method, path, init)
    const { schema } = this.#content(method, path, response)
    const text = await response.text()
    const json: unknown = /json/.test(response.headers.get('Content-Type') ?? '') ? JSON.parse(text) : text
    this.#check(inDocument(schema), json, `${method} ${path}`)
    if (reply !== undefined) this.#check({ $ref: `document#/components/schemas/${reply}` }, json, `${method} ${path}`)
    return { status: response.status, json }
  }

  async #fetch(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const request = new Request(`http://localhost${path}`, { ...init, method: method.toUpperCase() })
    return await this.handler.fetch(request)
  }

  #content(method: string, path: string, response: Response): Content[string] {
    const type = response.headers.get('Content-Type')?.split(';')[0] ?? ''
    const content = this.#operation(method, path).responses[response.status]?.content[type]
    if (content === undefined) throw new Error(`${method} ${path} answered ${response.status} ${type}`)
    if (response.status === 200) this.#answered.add(`${method} ${this.#pathOf(path)}`)
    return content
  }

  #operation(method: string, path: string): Described {
    const operation = this.#document.paths[this.#pathOf(path)]?.[method]
    if (operation === undefined) throw new Error(`${method} ${path} is not in the document`)
    return operation
  }

  #pathOf(path: string): string {
    const [bare = ''] = path.split('?')
    return bare in this.#document.paths ? bare : bare.replace(/^(\/v1\/[\w-]+)\/.*$/, '$1/{name}')
  }

  #check(schema: object, value: unknown, what: string): void {
    const isValid = this.#ajv.validate(schema, value)
    expect(isValid, `${what}: ${this.#ajv.errorsText()} in ${JSON.stringify(value)}`).toBe(true)
  }
}

function bodyOf(body: string, type: string): RequestInit {
  return { body, headers: { 'Content-Type': type } }
}

/** A schema whose references are to the closed ones. */
function inDocument(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'))
}

/** The same schemas, but members that are not in them are wrong. */
function closed<Schema>(schema: Schema): Schema {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(closed) as Schema
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]))
  return (
    'type' in schema && schema.type === 'object' && 'properties' in schema
      ? { ...members, additionalProperties: false }
      : members
  ) as Schema
}
