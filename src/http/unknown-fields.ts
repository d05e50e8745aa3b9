import { z } from 'zod'
import { type Fault, Refusal } from '../errors.js'
import { distance } from '../text/distance.js'
import type { Context, Middleware } from './context.js'

/**
 * Refuses fields that the route does not take, of the body and, where a program asks, of the query: a misspelt one would have no effect,
 * and nobody would know. Links to pages may have any query, as messengers add to it.
 */
export function refuseUnknownFields(): Middleware {
  return (ctx, next) => {
    if (ctx.state.route !== undefined) {
      const ignored = ignoredFields(ctx)
      if (ignored.length > 0) {
        ctx.set('Ignored-Fields', ignored.slice(0, SHOWN).map(inHeader))
      }
    }
    return next()
  }
}

/** The fields of one request that its route does not take, and that may be passed over. Throws 422 for the others. */
export function ignoredFields(ctx: Context): readonly string[] {
  const { marks, fields = {}, form } = ctx.state
  const inBody = namesOf(marks.body)
  const formFields = () => (form !== 'json' || !ctx.is('json') ? (marks.formFields ?? []) : [])
  const ofBody = unknownIn(ctx, fields, OF_FORMS, inBody, formFields)
  return form === 'json' || form === 'text'
    ? [...ofBody, ...unknownIn(ctx, ctx.query, OF_QUERIES, namesOf(marks.query))]
    : ofBody
}

const OF_FORMS = ['csrf', 'next']

/** jQuery writes the time into `_`, so that nothing is taken from a cache. */
const OF_QUERIES = ['_', 'format']

/** What was sent beside `known` and `silent`, which no sentence names. `more` is known too: asked for last, as most requests send nothing unknown. */
function unknownIn(
  { state: { marks } }: Context,
  sent: object,
  silent: readonly string[],
  known: readonly string[],
  more: () => readonly string[] = () => [],
): readonly string[] {
  const others = Object.keys(sent).filter(name => !known.includes(name))
  if (others.length === 0) {
    return others
  }
  const all = [...known, ...more()]
  const unknown = others.filter(name => !all.includes(name) && !silent.includes(name))
  const refused = marks.lenient ? unknown.filter(name => nearest(name, all) !== undefined) : unknown
  if (refused.length > 0) {
    throw unknownFields(refused, all)
  }
  return unknown
}

/** Throws 422 for fields that are most likely misspelt. `fields` is what came by a WebSocket, where others are passed over as by POST. */
export function refuseMisspelt(fields: object, schema: z.ZodType) {
  const known = namesOf(schema)
  const misspelt = Object.keys(fields).filter(name => !known.includes(name) && nearest(name, known) !== undefined)
  if (misspelt.length > 0) {
    throw unknownFields(misspelt, known)
  }
}

function unknownFields(names: readonly string[], known: readonly string[]): Refusal {
  const faults = names.slice(0, SHOWN).map((name): Fault => {
    const field = shown(name)
    const near = nearest(name, known)
    const hint = near
      ? `Did you mean "${near}"?`
      : known.length > 0
        ? `Known are: ${known.join(', ')}.`
        : 'None is known.'
    return { field, code: 'unknown_field', sentence: `There is no field "${field}" here. ${hint}` }
  })
  return new Refusal('unknown_field', faults.map(({ sentence }) => sentence).join(' '), { faults })
}

/** How many unknown fields an answer names. */
const SHOWN = 20

/** A name that differs by so many letters is taken for a misspelt one. */
const NEAR = 2

function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map(other => ({ other, letters: distance(name, other, NEAR) }))
    .sort((a, b) => a.letters - b.letters)
  return best && best.letters <= NEAR ? best.other : undefined
}

/** A name as it may stand in an answer, whatever was sent. */
function shown(name: string): string {
  return [...name.slice(0, 100)]
    .slice(0, 50)
    .join('')
    .toWellFormed()
    .replace(/[\p{C}"]/gu, '?')
}

const inHeader = (name: string) => name.slice(0, 50).replace(/[^\w.-]/g, '?')

const names = new WeakMap<z.ZodType, readonly string[]>()

/** The names of the fields that a schema of an object knows. */
function namesOf(schema: z.ZodType | undefined): readonly string[] {
  if (!schema) {
    return []
  }
  const found = names.get(schema) ?? Object.keys(objectOf(schema).shape)
  names.set(schema, found)
  return found
}

function objectOf(schema: z.core.$ZodType): z.ZodObject {
  if (schema instanceof z.ZodPipe) {
    return objectOf(schema.in)
  }
  if (schema instanceof z.ZodObject) {
    return schema
  }
  throw new Error('The fields of a route are an object.')
}
