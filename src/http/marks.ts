import type Router from '@koa/router'
import type { Marks, Middleware, State } from './context.js'
import { isForPrograms } from './form.js'

const marksOf = new WeakMap<object, Marks>()

/** Marks a route. It is registered in front of the route's handler. */
export function mark(marks: Marks): Middleware {
  const middleware: Middleware = (_ctx, next) => next()
  marksOf.set(middleware, marks)
  return middleware
}

/**
 * Finds the route that will answer. Where the path has no route with that method, the marks of all its routes apply until 405 is answered.
 * A route without plain text answers as if it had not been asked for.
 */
export function findRoute(router: Router<State>): Middleware {
  return (ctx, next) => {
    const { path, pathAndMethod } = router.match(ctx.path, ctx.method)
    const [route] = pathAndMethod
    if (route) {
      ctx.state.route = String(route.path)
    }
    ctx.state.marks = route ? marksOfLayer(route) : Object.assign({}, ...path.map(marksOfLayer))
    if (ctx.state.form === 'text' && !ctx.state.marks.text) {
      ctx.state.form = isForPrograms(ctx.originalUrl) ? 'json' : 'page'
    }
    return next()
  }
}

/** The marks of one of the router's layers. */
export function marksOfLayer({ stack }: { stack: readonly object[] }): Marks {
  return stack.map(handler => marksOf.get(handler)).find(marks => marks !== undefined) ?? {}
}
