import type Router from '@koa/router'
import { absolute } from './address.js'
import type { Middleware, Parts, State } from './context.js'
import { marksOfLayer } from './marks.js'

/** The day on which the document of the API first said that aliases are deprecated. */
const SINCE = Date.UTC(2026, 10, 28)

export const DEPRECATED_SINCE = new Date(SINCE).toISOString().slice(0, 10)

/** The list of all that is deprecated, for people. */
const DEPRECATED_PATH = '/api/#deprecated'

/** How a program sends a request. */
interface Address {
  method: string
  path: string
}

type Layer = Router<State>['stack'][number]

/**
 * The requests that do the same as another one, each with that: a route that shares its operation with one before it is there for forms, which
 * know no other methods, or by the name that other clients use. They are deprecated. By method and path as the router has them.
 */
export function aliasesOf(router: Router<State>, nouns: readonly string[]): ReadonlyMap<string, Address> {
  const first = new Map<string, Address>()
  const aliases = new Map<string, Address>()
  for (const layer of router.stack) {
    const { operation } = marksOfLayer(layer)
    const method = methodOf(layer)
    if (operation && method) {
      const known = first.get(operation.id)
      if (known) {
        aliases.set(aliasKey(method, String(layer.path)), known)
      } else {
        first.set(operation.id, { method, path: addressOf(String(layer.path), nouns) })
      }
    }
  }
  return aliases
}

export const aliasKey = (method: string, path: string) => `${method} ${path}`

export function methodOf({ methods }: Layer): string | undefined {
  return methods.find(name => name !== 'HEAD')
}

/** A path of the router as programs write it. `nouns` are the first parts of paths that exist under /api. */
export function addressOf(path: string, nouns: readonly string[]): string {
  const plain = path.replace(/(?<=.)\/$/, '')
  const noun = plain.split('/')[1] ?? ''
  return `${nouns.includes(noun) ? '/api' : ''}${plain}/`.replace(/:(\w+)/g, '{$1}')
}

/** Says in each answer to a deprecated request that it is, errors included (RFC 9745). Our own pages are not told. */
export function announceDeprecations(parts: Parts, router: Router<State>, nouns: readonly string[]): Middleware {
  const aliases = aliasesOf(router, nouns)
  return async (ctx, next) => {
    await next()
    const { form, route = '' } = ctx.state
    if (form === 'json' && aliases.has(aliasKey(ctx.method, route))) {
      ctx.set('Deprecation', `@${SINCE / 1000}`)
      ctx.append('Link', `<${absolute(parts, ctx, DEPRECATED_PATH)}>; rel="deprecation"; type="text/html"`)
    }
  }
}
