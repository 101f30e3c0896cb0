import { type JsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode } from '../../protocol/problems.ts'
import { MAX_INFO_BYTES, PROTOCOL_VERSION } from '../../protocol/wire.ts'
import type { LeaseRange } from '../owned/schemas.ts'
import { COMMON_PROBLEMS, OPERATIONS, type Operation, type Reply } from './operations.ts'
import { REPLIES } from './replies.ts'
import { requestSchemas } from './requests.ts'

export interface DocumentOptions {
  readonly lease: LeaseRange
  /** Whether tokens are asked for. */
  readonly hasTokens: boolean
  readonly hasMetrics: boolean
}

/** An OpenAPI document, which is JSON. */
export type OpenApiDocument = Readonly<Record<string, unknown>>

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token, or a capability.' },
  basic: { type: 'http', scheme: 'basic', description: 'A token as the user name, with an empty password.' },
}

/** What a server answers, as OpenAPI 3.1. Its schemas are those that the server validates by. */
export function openApiDocument({ lease, hasTokens, hasMetrics }: DocumentOptions): OpenApiDocument {
  const operations = OPERATIONS.filter(({ path }) => hasMetrics || path !== '/metrics')
  return {
    openapi: '3.1.0',
    info: {
      title: 'lockable',
      version: String(PROTOCOL_VERSION),
      description: 'Named locks with leases. docs/protocol.md of the package says what the members mean.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: pathsOf(operations, hasTokens),
    components: { schemas: schemasOf(lease), ...(hasTokens && { securitySchemes: SECURITY_SCHEMES }) },
  }
}

function pathsOf(operations: readonly Operation[], hasTokens: boolean): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation, hasTokens) }
  }
  return paths
}

function described(operation: Operation, hasTokens: boolean): object {
  const { id, summary, right, body, reply, otherwise } = operation
  const parameters = [...(operation.path.includes('{name}') ? [NAME_PARAMETER] : []), ...queryOf(operation)]
  return {
    operationId: id,
    summary,
    ...(right !== null && { description: `Needs the right \`${right}\`.` }),
    ...(hasTokens && { security: right === null ? [] : [{ bearer: [] }, { basic: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(body) } } },
    }),
    responses: {
      200: { description: descriptionOf(reply), content: contentOf(reply) },
      ...problemResponses([...operation.problems, ...COMMON_PROBLEMS], otherwise),
    },
  }
}

const NAME_PARAMETER = {
  name: 'name',
  in: 'path',
  required: true,
  description: 'The name of the lock: 1 to 255 bytes of UTF-8. It may contain slashes, encoded or not.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

function queryOf({ query = [] }: Operation): object[] {
  return query.map(({ name, description, schema, isRequired = false }) => ({
    name,
    in: 'query',
    required: isRequired,
    description,
    schema,
  }))
}

/** By status, since several problems have the same. */
function problemResponses(codes: readonly ProblemCode[], otherwise: Operation['otherwise']): Record<number, object> {
  const responses: Record<number, object> = {}
  for (const status of new Set(codes.map((code) => PROBLEMS[code].status))) {
    const alike = codes.filter((code) => PROBLEMS[code].status === status)
    const isOtherwise = otherwise?.status === status
    responses[status] = {
      description: [...new Set(alike)].map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
      content: {
        [PROBLEM_MEDIA_TYPE]: { schema: reference('Problem') },
        ...(isOtherwise && contentOf(otherwise.reply)),
      },
    }
  }
  return responses
}

function descriptionOf(reply: Reply): string {
  return 'json' in reply ? reply.json.join(' or ') : reply.description
}

function contentOf(reply: Reply): Record<string, object> {
  if ('text' in reply) {
    const { text, events } = reply
    if (text === 'application/json') return { [text]: { schema: { type: 'object' } } }
    // OpenAPI 3.1 has no word for what a stream consists of.
    return { [text]: { schema: { type: 'string' }, ...(events && { 'x-event-data': reference(events) }) } }
  }
  const [first, ...others] = reply.json.map(reference)
  return { 'application/json': { schema: others.length === 0 ? first : { oneOf: [first, ...others] } } }
}

function reference(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}

function schemasOf(lease: LeaseRange): Record<string, JsonSchema> {
  const { bodies, command } = requestSchemas(lease)
  const schemas = toJsonSchemaDefs(
    { ...REPLIES, ...bodies, Command: command },
    {
      target: 'draft-2020-12',
      typeMode: 'input',
      overrideRef: ({ referenceId }) => reference(referenceId).$ref,
      // The only thing that is looked at by a function of ours.
      overrideSchema: ({ valibotSchema }) =>
        valibotSchema.type === 'custom' ? { description: `Any JSON of at most ${MAX_INFO_BYTES} bytes.` } : null,
    },
  )
  const commands = schemas.CommandsRequest?.properties?.commands
  if (typeof commands === 'object') commands.items = reference('Command')
  return schemas
}
