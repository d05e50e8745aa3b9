import type { Context } from './context.js'

/**
 * Whether a person opens the page. A prefetch, an image and a preview are no visits, and neither is a redirect of another site without a
 * click. Each engine has called the header of the purpose by another name.
 */
export function isVisit(ctx: Context): boolean {
  const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].map(header => ctx.get(header))
  const dest = ctx.get('sec-fetch-dest')
  return (
    ctx.method === 'GET' &&
    ctx.state.form === 'page' &&
    ctx.get('accept').includes('text/html') &&
    !purposes.some(purpose => /prefetch|preview/i.test(purpose)) &&
    (dest === '' || dest === 'document') &&
    (ctx.get('sec-fetch-site') !== 'cross-site' || ctx.get('sec-fetch-user') === '?1')
  )
}
