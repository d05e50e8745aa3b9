import type Router from '@koa/router'
import { type ZodType, z } from 'zod'
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi'
import type { Code } from '../codes.js'
import { LIMITS } from '../config.js'
import { allStreamEvent, allStreamed, problem, streamEvent, streamed, transcript } from './answers.js'
import type { Marks, State } from './context.js'
import { addressOf, aliasesOf, aliasKey, DEPRECATED_SINCE, methodOf } from './deprecations.js'
import { exportedChat, exportedFile, exportLine } from './export-answers.js'
import { FORMAT_NAMES } from './export-formats.js'
import { marksOfLayer } from './marks.js'
import { problemsOf, statusOf } from './operation-problems.js'
import type { Operation } from './operations.js'
import { lastEventId } from './schemas.js'

export type ApiDocument = ReturnType<typeof createDocument>

/**
 * The document of the API (OpenAPI 3.1), from what stands at the routes. `nouns` are the first parts of paths that exist under /api. Aliases are
 * deprecated (deprecations.ts).
 */
export function apiDocument(router: Router<State>, nouns: readonly string[]): ApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  const known = new Map<string, number>()
  const aliases = aliasesOf(router, nouns)
  for (const layer of router.stack) {
    const marks = marksOfLayer(layer)
    const method = methodOf(layer)
    const path = String(layer.path).replace(/(?<=.)\/$/, '')
    if (!method || !hasOperation(marks)) {
      continue
    }
    const address = addressOf(path, nouns)
    const { id } = marks.operation
    const count = (known.get(id) ?? 0) + 1
    known.set(id, count)
    const instead = aliases.get(aliasKey(method, String(layer.path)))
    const name = count === 1 ? id : `${id}${count}`
    const verb = method.toLowerCase()
    paths[address] = { ...paths[address], [verb]: operationOf(verb, path, marks, { name, instead }) }
  }
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: {
      title: 'Chatire',
      version: '1',
      description: 'A web chat that is joined by a link. Paths work with and without a slash at the end.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    components: {
      schemas: { Problem: problem, StreamEvent: streamEvent, AllStreamEvent: allStreamEvent, ExportLine: exportLine },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token. `Authorization: Token <key>` does as well.' },
      },
    },
    paths,
  }
  return createDocument(document, { override: ({ jsonSchema, io }) => simplify(jsonSchema, io) })
}

/** Answers may get more fields one day. And what zod says of dates and numbers beyond their type is long, and helps nobody. */
function simplify(schema: Record<string, unknown>, io: 'input' | 'output') {
  if (io === 'output' && schema.additionalProperties === false) {
    delete schema.additionalProperties
  }
  if (schema.format === 'date-time') {
    delete schema.pattern
  }
  if (schema.maximum === Number.MAX_SAFE_INTEGER) {
    delete schema.maximum
  }
  if (schema.minimum === Number.MIN_SAFE_INTEGER) {
    delete schema.minimum
  }
}

function hasOperation(marks: Marks): marks is Marks & { operation: Operation } {
  return marks.operation !== undefined
}

function operationOf(
  method: string,
  path: string,
  marks: Marks & { operation: Operation },
  { name, instead }: { name: string; instead: ReturnType<ReturnType<typeof aliasesOf>['get']> },
): ZodOpenApiOperationObject {
  const { operation, body, query, lenient, textBody } = marks
  const { does, who, scope, example } = operation
  const takes = takesOf(method, operation)
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const shape = <T extends string>(list: readonly T[], all: Record<T, ZodType>) =>
    z.object(Object.fromEntries(list.map(name => [name, all[name]])))
  const schema = operation.files ? undefined : body?.meta(lenient ? {} : { additionalProperties: false })
  const content = schema && { schema, ...(example ? { example } : {}) }
  return {
    operationId: name,
    summary: does,
    description: [
      WHO[who],
      ...(who === 'anybody' || scope === 'any' ? [] : [`A token needs the scope ${scope}.`]),
      ...(instead ? [`Deprecated since ${DEPRECATED_SINCE}: use \`${instead.method} ${instead.path}\`.`] : []),
    ].join(' '),
    tags: [path.split('/')[names[0] === 'uri' ? 3 : 1] ?? 'chats'],
    security: who === 'anybody' ? [] : [{ token: scope === 'any' ? [] : [scope] }],
    ...(instead ? { deprecated: true } : {}),
    requestParams: {
      ...(names.length > 0 ? { path: shape(names, PATH_PARAMETERS) } : {}),
      ...(query ? { query: objectIn(query) } : {}),
      ...(takes.length > 0 ? { header: shape(takes, HEADERS) } : {}),
    },
    ...(operation.files
      ? {
          requestBody: {
            content: Object.fromEntries(operation.files.map(type => [type, { schema: sentFile }])),
            required: true,
          },
        }
      : {}),
    ...(content
      ? {
          requestBody: {
            content: {
              'application/json': content,
              'application/x-www-form-urlencoded': content,
              ...(textBody ? { 'text/plain': { schema: z.string() } } : {}),
            },
            required: !content.schema.safeParse({}).success,
          },
        }
      : {}),
    responses: { ...answersOf(marks, takes, instead !== undefined), ...refusalsOf(method, path, marks) },
  }
}

const sentFile = z.string().meta({ description: 'An export, or lines of its kind: see ExportLine.' })

const WHO = {
  anybody: 'It needs no token.',
  user: 'It needs a token, or a session.',
  account: 'For accounts: guests cannot do it.',
  member: 'For members of the chat. Others get 404, as if there were no such chat.',
  owner: 'For the owner of the chat. Members get 403, others 404.',
}

const PATH_PARAMETERS: Record<string, ZodType> = {
  uri: z
    .string()
    .meta({ description: 'The part of the chat’s URL that cannot be guessed.', example: 'mYkF3QzP7vXw0aBcD1eF2g' }),
  id: z.int().min(0).meta({ example: 2 }),
  format: z.enum(FORMAT_NAMES).meta({ example: 'ndjson' }),
  key: z.string().meta({ description: 'Of the hook: the last part of its address.' }),
  emoji: z.string().meta({ description: 'One of 👍 ❤️ 😂 🎉 😮 😢, written with %.', example: '👍' }),
}

const HEADERS = {
  'Idempotency-Key': z.string().max(LIMITS.keyLength).optional().meta({ example: 'a-key-of-yours' }),
  'If-None-Match': z.string().optional(),
  'Last-Event-ID': lastEventId,
}

/** A schema of an object that something is made of after it was read. */
function objectIn(schema: ZodType): z.ZodObject {
  return (schema instanceof z.ZodPipe ? schema.in : schema) as z.ZodObject
}

/** Whatever is read as JSON has an ETag (etags.ts). */
function takesOf(method: string, { types, takes = [] }: Operation): NonNullable<Operation['takes']> {
  const isTagged = method === 'get' && !types
  return isTagged ? [...new Set([...takes, 'If-None-Match' as const])] : takes
}

function answersOf(
  { operation, text }: Marks & { operation: Operation },
  takes: NonNullable<Operation['takes']>,
  isDeprecated: boolean,
): Record<string, ZodOpenApiResponseObject> {
  const { answers } = operation
  const known = takes.includes('If-None-Match') ? { ...answers, 304: null } : answers
  return Object.fromEntries(
    Object.entries(known).map(([status, schema]) => {
      const description = SUCCESS[status] ?? ''
      const headers = z.object({
        'X-Request-Id': z.string(),
        ...(takes.includes('If-None-Match') ? { ETag: z.string(), Link: z.string().optional() } : {}),
        ...(isDeprecated ? { Deprecation: z.string(), Link: z.string() } : {}),
      })
      if (!schema) {
        return [status, { description, headers }]
      }
      return [
        status,
        {
          description,
          headers,
          content: contentOf(schema, operation, text),
        },
      ]
    }),
  )
}

function contentOf(schema: ZodType, { types }: Operation, text: true | undefined): ZodOpenApiResponseObject['content'] {
  if (schema === streamed) {
    return eventStream(schema, 'StreamEvent', '41', '"version":41')
  }
  if (schema === allStreamed) {
    return eventStream(schema, 'AllStreamEvent', '1.20785.912-0', '"cursor":"1.20785.912-0"')
  }
  if (types) {
    const isWhole = (type: string) => schema === exportedFile && type === 'application/json'
    return Object.fromEntries(types.map(type => [type, { schema: isWhole(type) ? exportedChat : schema }]))
  }
  return { 'application/json': { schema }, ...(text ? { 'text/plain': { schema: transcript } } : {}) }
}

const SUCCESS: Record<string, string> = {
  200: 'Done.',
  201: 'Made.',
  204: 'Done. The answer has no body.',
  304: 'Nothing has changed since the answer with that ETag.',
}

/** `id` and `begins` are of the first event, as an example. */
function eventStream(schema: ZodType, of: string, id: string, begins: string) {
  const example = `retry: 2000\nid: ${id}\nevent: ready\ndata: {"event":"ready",${begins}}\n\n`
  return { 'text/event-stream': { schema, example, 'x-event-schema': { $ref: `#/components/schemas/${of}` } } }
}

function refusalsOf(method: string, path: string, marks: Marks & { operation: Operation }) {
  const codes = new Map<number, Code[]>()
  for (const code of problemsOf(method, path, marks)) {
    const status = statusOf(code, path)
    codes.set(status, [...(codes.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...codes].map(([status, codes]): [string, ZodOpenApiResponseObject] => [
      String(status),
      {
        description: codes.map(code => `\`${code}\``).join(', '),
        ...(status === 429 || status === 503 ? { headers: z.object({ 'Retry-After': z.int() }) } : {}),
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                { $ref: '#/components/schemas/Problem' },
                { type: 'object', properties: { code: { enum: codes } }, required: ['code'] },
              ],
            },
          },
          'text/plain': { schema: z.string().meta({ description: 'The sentence, for who would rather have text.' }) },
        },
      },
    ]),
  )
}
