import assert from 'node:assert/strict'
import { z } from 'zod'
import type { Answer } from './exchange.js'
import type { Site } from './site.js'
import { Visitor } from './visitor.js'

export type Json = Record<string, unknown>

/** An operation of the document, with what tests look at. */
export interface Operation {
  operationId: string
  deprecated?: boolean
  security: Json[]
  parameters?: { in: string; name: string; schema: Schema; required?: boolean }[]
  requestBody?: { content: Record<string, { schema: Schema; example?: Json }> }
  responses: Record<string, { content?: Record<string, { schema: Schema; 'x-event-schema'?: Json }> }>
}

export interface Schema extends Json {
  properties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
  allOf?: Schema[]
}

/** Where an operation is found. */
interface Found {
  method: string
  path: string
  operation: Operation
}

/** The document of the API that a site hands out, against which requests and answers are held. */
export class ApiDocument {
  readonly json: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: Json } }
  readonly operations = new Map<string, Found>()
  private readonly parsers = new Map<string, z.ZodType>()

  static async of(site: Site): Promise<ApiDocument> {
    const { status, json } = await new Visitor(site).send('GET', '/api/openapi.json')
    assert.equal(status, 200)
    return new ApiDocument(json)
  }

  private constructor(json: ApiDocument['json']) {
    this.json = json
    for (const [path, methods] of Object.entries(json.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        assert.ok(!this.operations.has(operation.operationId), operation.operationId)
        this.operations.set(operation.operationId, { method: method.toUpperCase(), path, operation })
      }
    }
  }

  known(id: string): Found {
    const found = this.operations.get(id)
    assert.ok(found, id)
    return found
  }

  /** Fails where the status, the type, a code or a field of the answer is not in the document. */
  isDocumented(id: string, answer: Pick<Answer, 'status' | 'headers' | 'text' | 'json'>) {
    const response = this.known(id).operation.responses[answer.status]
    assert.ok(response, `${id} answers ${answer.status}, and the document does not say so: ${answer.text}`)
    const type = (answer.headers.get('content-type') ?? '').replace(/;.*/, '')
    if (!response.content) {
      assert.equal(answer.text, '', id)
      return
    }
    const schema = response.content[type]?.schema
    assert.ok(schema, `${id} answers ${type}`)
    if (type === 'application/problem+json') {
      this.conforms(answer.json, { $ref: '#/components/schemas/Problem' }, id)
      const codes = schema.allOf?.[1]?.properties?.code?.enum as string[]
      assert.ok(codes.includes(answer.json.code), `${id} answers ${answer.status} ${answer.json.code}`)
    } else {
      this.conforms(type === 'application/json' ? answer.json : answer.text, schema, id)
    }
  }

  conforms(value: unknown, schema: Json, what: string) {
    const { error } = this.parser(schema).safeParse(value)
    assert.equal(error, undefined, `${what}: ${JSON.stringify(value)} ${error && z.prettifyError(error)}`)
  }

  fails(value: unknown, schema: Json, what: string) {
    assert.ok(!this.parser(schema).safeParse(value).success, `${what} fits the document`)
  }

  /** A schema of the document, which takes no fields that it does not name: so that none is forgotten there. */
  private parser(schema: Json): z.ZodType {
    const text = JSON.stringify({ ...schema, $defs: this.json.components.schemas })
    const known = this.parsers.get(text)
    if (known) {
      return known
    }
    const made = z.fromJSONSchema(
      JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'), (_, value) =>
        value?.properties && value.type === 'object' && value.additionalProperties === undefined
          ? { ...value, additionalProperties: false }
          : value,
      ),
    )
    this.parsers.set(text, made)
    return made
  }
}

/** The schema of its fields; a file has none. */
export function bodyOf({ requestBody }: Operation): Schema | undefined {
  const { content } = requestBody ?? { content: {} }
  return content['application/x-ndjson'] ? undefined : content['application/json']?.schema
}

/** The codes of all problems that it can have. */
export function codesOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ content }) =>
    (content?.['application/problem+json']?.schema.allOf ?? []).flatMap(
      part => (part.properties?.code?.enum as string[] | undefined) ?? [],
    ),
  )
}
