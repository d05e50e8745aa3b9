import Router from '@koa/router'
import type { User } from '../db/users.js'
import { Refusal, unavailable, whyNotNow } from '../errors.js'
import { absolute } from '../http/address.js'
import { startPage } from '../http/chat-list.js'
import type { Answer, Context, Parts, RouteContext, ShortWay, State } from '../http/context.js'
import { htmlAnswer } from '../http/encodings.js'
import { CODES_PATH, problemJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { give, respond, respondPage, showPage } from '../http/respond.js'
import { chatsQuery, report } from '../http/schemas.js'
import { openList } from './chat-lists.js'
import { EXACT, limit } from './scope.js'

/** The start page, and what crawlers, browsers and probes ask every site for. */
export function start(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/', mark({ query: chatsQuery, short: shortStart(parts) }), async ctx => {
    const { user } = ctx.state
    if (user) {
      await respondPage(ctx, async () => give(ctx, await startOf(parts, ctx, user)))
    } else {
      await respondPage(ctx, () => showPage(parts, ctx, 'start/entrance.njk', { next: '', values: {}, errors: {} }))
    }
  })

  router.get('/robots.txt', ctx => {
    ctx.type = 'text'
    // A crawler that may not fetch a page does not see its noindex, and may list its address.
    ctx.body = 'User-agent: *\nDisallow:\n'
  })

  router.get('/service-worker.js', mark({ anonymous: true }), ctx => {
    ctx.type = 'js'
    ctx.set('Cache-Control', 'no-cache')
    ctx.body = parts.assets.worker
  })

  /** What the service worker keeps, and so the same for everybody. */
  router.get('/offline', mark({ anonymous: true }), async ctx => {
    await respondPage(ctx, () => showPage(parts, ctx, 'offline.njk', {}))
  })

  router.get('/favicon.ico', ctx => {
    ctx.redirect(parts.assets.paths.icon_svg ?? '/')
  })

  /** Browsers report here what a page's policy has blocked: a bug of ours, or somebody's markup that was not escaped. */
  router.post('/csp-reports', mark({ cookieless: true, rate: 'reports', body: report, lenient: true }), ctx => {
    limit(parts, ctx)
    const report = ctx.state.fields?.['csp-report'] as Record<string, unknown> | undefined
    const directive = report?.['effective-directive']
    if (typeof directive === 'string' && /^[a-z-]{1,50}$/.test(directive)) {
      parts.log.warn({ directive }, 'A page did what its policy forbids')
    }
    ctx.status = 204
  })

  /** Says that the process runs. It does not ask the database: to restart the process would not repair that. */
  router.get('/up', mark({ anonymous: true }), ctx => showText(ctx, 200, 'ok'))

  /** Says whether requests should come to this process, and if not, why. */
  router.get('/ready', mark({ anonymous: true, probe: true }), async ctx => {
    const refusal = await whyNotReady(parts)
    if (refusal) {
      ctx.set(refusal.headers)
      await respondText(ctx, 503, refusal.message, problemJson(refusal, absolute(parts, ctx, CODES_PATH)))
    } else {
      await respondText(ctx, 200, 'ready', { ready: true })
    }
  })

  return router
}

/** For a user whom memory knows. The database is asked for their chats each time. */
function shortStart(parts: Parts): ShortWay {
  return {
    form: 'page',
    query: '',
    answer: ctx => (ctx.state.user ? startOf(parts, ctx, ctx.state.user) : undefined),
  }
}

async function startOf(parts: Parts, ctx: Context, user: User): Promise<Answer> {
  const list = await openList(parts, ctx, user)
  return { status: 200, ...htmlAnswer(ctx, startPage(parts, ctx, list)) }
}

async function whyNotReady({ stopping, ready, outage }: Parts): Promise<Refusal | undefined> {
  if (stopping) {
    return unavailable('restarting', 'Not ready: this process is about to stop.')
  }
  try {
    await ready()
    return undefined
  } catch (error) {
    outage.failed(error)
    return unavailable('unavailable', `Not ready, because of the database. ${reasonOf(error)}`)
  }
}

/** Text for probes, or JSON if that is asked for. */
async function respondText(ctx: RouteContext, status: number, sentence: string, json: Record<string, unknown>) {
  const text = () => showText(ctx, status, sentence)
  await respond(ctx, {
    page: text,
    fragment: text,
    json: () => {
      ctx.status = status
      return json
    },
  })
}

function showText(ctx: RouteContext, status: number, sentence: string) {
  ctx.status = status
  ctx.type = 'text'
  ctx.body = `${sentence}\n`
}

/** Never the database's own message: it can contain the names of hosts and users. */
function reasonOf(error: unknown): string {
  return error instanceof Refusal ? error.message : (whyNotNow(error) ?? 'It answers with an error that is in the log.')
}
