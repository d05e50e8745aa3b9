/** The document of the API as people read it. */
export interface Manual {
  groups: readonly { name: string; operations: readonly Described[] }[]
  /** What answers consist of, by name. */
  models: readonly { name: string; fields: readonly Field[] }[]
  /** Requests and fields that have something clearer beside them, each with a sentence that says what. */
  deprecated: readonly { name: string; says: string }[]
}

interface Described {
  id: string
  method: string
  path: string
  does: string
  who: string
  /** What can be sent: in the path, the query, a header or the body. */
  fields: readonly (Field & { place: string })[]
  /** `model`: the name of what the answer is, if it has one. */
  answers: readonly { status: string; model: string | null; kind: string }[]
  problems: readonly { status: string; codes: readonly string[] }[]
  /** A line for a shell that has $SITE, $TOKEN, $URI and $ID. */
  curl: string
}

interface Field {
  name: string
  kind: string
  required: boolean
  deprecated: boolean
}

/** The parts of an OpenAPI document that this reads. */
interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  deprecated?: boolean
  security: object[]
  parameters?: { in: string; name: string; required?: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, Content> }
  responses: Record<string, { content?: Record<string, Content> }>
}

interface Content {
  schema: Schema
  example?: Record<string, unknown>
}

interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  required?: string[]
  maxLength?: number
  deprecated?: boolean
  description?: string
}

/** Requests that are deprecated have only a line each. */
export function manualOf({ paths = {}, components }: { paths?: object; components?: { schemas?: object } }): Manual {
  const groups = new Map<string, Described[]>()
  const deprecated: Manual['deprecated'][number][] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
      const [group = ''] = operation.tags
      if (operation.deprecated) {
        const says = operation.description.replace(/^.*(?=Deprecated)/, '')
        deprecated.push({ name: `${method.toUpperCase()} ${path}`, says })
      } else {
        groups.set(group, [...(groups.get(group) ?? []), described(method.toUpperCase(), path, operation)])
      }
    }
  }
  const models = Object.entries((components?.schemas ?? {}) as Record<string, Schema>)
  const fields = models.flatMap(([model, { properties = {} }]) =>
    Object.entries(properties).map(([name, schema]) => ({ name: `${model}.${name}`, ...schema })),
  )
  return {
    groups: [...groups].map(([name, operations]) => ({ name, operations })),
    models: models.map(([name, schema]) => ({
      name,
      fields: schema.anyOf ? schema.anyOf.flatMap(fieldsOf) : fieldsOf(schema),
    })),
    deprecated: [
      ...fields.flatMap(field => (field.deprecated ? [{ name: field.name, says: field.description ?? '' }] : [])),
      ...deprecated,
    ],
  }
}

function described(method: string, path: string, operation: Operation): Described {
  const { operationId: id, summary: does, description: who, parameters = [], requestBody, responses } = operation
  const body = requestBody?.content['application/json']
  const answers: Described['answers'][number][] = []
  const problems: Described['problems'][number][] = []
  for (const [status, { content = {} }] of Object.entries(responses)) {
    const [schema] = Object.values(content).map(({ schema }) => schema)
    const codes = content['application/problem+json']?.schema.allOf?.[1]?.properties?.code?.enum
    if (codes) {
      problems.push({ status, codes: codes.map(String) })
    } else {
      answers.push({ status, model: schema?.$ref ? kindOf(schema) : null, kind: schema ? answerOf(schema) : 'no body' })
    }
  }
  const inBody = body ? fieldsOf(body.schema).map(field => ({ ...field, place: 'body' })) : []
  const others = parameters.map(({ in: place, name, required = false, schema }) => ({
    name,
    place,
    required,
    kind: kindOf(schema),
    deprecated: schema.deprecated === true,
  }))
  return {
    id,
    method,
    path,
    does,
    who,
    fields: [...others, ...inBody],
    answers,
    problems,
    curl: curlOf(method, path, operation),
  }
}

function fieldsOf({ properties = {}, required = [] }: Schema): Field[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    kind: kindOf(schema),
    required: required.includes(name),
    deprecated: schema.deprecated === true,
  }))
}

/** What a whole answer is, in words: with what each of its fields is. */
function answerOf(schema: Schema): string {
  const fields = fieldsOf(schema).map(({ name, kind, required }) => `${name}${required ? '' : '?'}: ${kind}`)
  return schema.anyOf ? schema.anyOf.map(answerOf).join(' or ') : fields.join(', ') || kindOf(schema)
}

/** What a value is, in words. */
function kindOf(schema: Schema): string {
  const { $ref, type, format, enum: values, anyOf, items, properties, additionalProperties, maxLength } = schema
  if ($ref) {
    return $ref.replace(/.*\//, '')
  }
  if (anyOf) {
    return anyOf.map(kindOf).join(' or ')
  }
  if (values) {
    return `one of ${values.map(value => value ?? 'null').join(', ')}`
  }
  if (schema.const !== undefined) {
    return JSON.stringify(schema.const)
  }
  if (Array.isArray(type)) {
    return type.map(one => kindOf({ ...schema, type: one })).join(' or ')
  }
  switch (type) {
    case 'string':
      return format === 'date-time' ? 'time' : maxLength ? `text, ${maxLength} characters at most` : 'text'
    case 'integer':
      return 'number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return `list of ${kindOf(items ?? {})}`
    case 'object':
      return properties
        ? `{${Object.keys(properties).join(', ')}}`
        : `object of ${kindOf(typeof additionalProperties === 'object' ? additionalProperties : {})}`
    default:
      return type ?? 'anything'
  }
}

/** A file of one line, to be imported. */
const SAMPLE = JSON.stringify({ user: { name: 'Ann' }, message: 'hello', created_at: '2026-01-01T16:04:12Z' })

function curlOf(
  method: string,
  path: string,
  { security, requestBody, parameters = [], responses }: Operation,
): string {
  const example = requestBody?.content['application/json']?.example
  const query = parameters.some(({ in: place, name }) => place === 'query' && name === 'q') ? '?q=hello' : ''
  const url =
    path
      .replace('{uri}', '$URI')
      .replace('{id}', '$ID')
      .replace('{format}', 'ndjson')
      .replace('{key}', '$HOOK')
      .replace('{emoji}', encodeURIComponent('👍')) + query
  const streams = responses['200']?.content?.['text/event-stream'] !== undefined
  return [
    'curl',
    ...(streams ? ['-N'] : []),
    ...(method === 'GET' || (method === 'POST' && requestBody) ? [] : [`-X ${method}`]),
    ...(security.length > 0 ? ['-H "Authorization: Token $TOKEN"'] : []),
    ...(example
      ? [`-H 'Content-Type: application/json' -d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`]
      : []),
    ...(requestBody?.content['application/x-ndjson']
      ? [`-H 'Content-Type: application/x-ndjson' --data-binary '${SAMPLE}'`]
      : []),
    `"$SITE${url}"`,
  ].join(' ')
}
