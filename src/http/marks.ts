import type Router from '@koa/router'
import type { Marks, Middleware, State } from './context.js'

const marksOf = new WeakMap<object, Marks>()

/** Marks a route, as the first of its handlers. */
export function mark(marks: Marks): Middleware {
  const middleware: Middleware = (_ctx, next) => next()
  marksOf.set(middleware, marks)
  return middleware
}

/** Puts the marks of the route that will answer at hand. For a method that the path does not have they are those of all its routes. */
export function readMarks(router: Router<State>): Middleware {
  return (ctx, next) => {
    const { path, pathAndMethod } = router.match(ctx.path, ctx.method)
    ctx.state.marks = pathAndMethod[0] ? marksOfLayer(pathAndMethod[0]) : Object.assign({}, ...path.map(marksOfLayer))
    return next()
  }
}

/** The marks of one of the router's layers. */
export function marksOfLayer({ stack }: { stack: readonly object[] }): Marks {
  return stack.map(handler => marksOf.get(handler)).find(marks => marks !== undefined) ?? {}
}
