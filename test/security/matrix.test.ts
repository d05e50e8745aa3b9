import assert from 'node:assert/strict'
import { createReset } from '../../src/db/resets.js'
import type { Marks, Parts } from '../../src/http/context.js'
import { marksOfLayer } from '../../src/http/marks.js'
import { keyHash } from '../../src/keys.js'
import { routerOf } from '../../src/routes/index.js'
import { stored } from '../input/rows.js'
import type { Answer } from '../support/exchange.js'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, signUpProgram, Visitor } from '../support/visitor.js'

const ACTORS = ['visitor', 'stranger', 'removed', 'guest', 'member', 'owner'] as const
type Actor = (typeof ACTORS)[number]

interface Row {
  /** The statuses for visitor, stranger, removed, guest, member and owner, as a page's form or link asks. */
  status: readonly [number, number, number, number, number, number]
  fields?: Record<string, string>
  query?: string
}

/** What is open to all, and says nothing of any chat. */
const OPEN = [200, 200, 200, 200, 200, 200] as const
/** For members alone: visitors are told to sign in, everybody else that there is no such thing. */
const MEMBERS = [401, 404, 404, 200, 200, 200] as const
const MEMBERS_FORM = [401, 404, 404, 303, 303, 303] as const

/** For the owner alone: members are told so. */
const OWNER = [401, 404, 404, 403, 403, 200] as const
const OWNER_FORM = [401, 404, 404, 403, 403, 303] as const

const SECRET = 'for members only'

/** Whoever adds a route says here who may use it. */
const ROWS: Record<string, Row> = {
  'GET /': { status: OPEN },
  'GET /robots.txt': { status: OPEN },
  'GET /.well-known/security.txt': { status: [404, 404, 404, 404, 404, 404] },
  'GET /.well-known/change-password': { status: [303, 303, 303, 303, 303, 303] },
  'GET /favicon.ico': { status: [302, 302, 302, 302, 302, 302] },
  'GET /help': { status: OPEN },
  'GET /api': { status: OPEN },
  'POST /api': { status: [401, 200, 200, 403, 200, 200] },
  'GET /api/openapi.json': { status: OPEN },
  'GET /offline': { status: OPEN },
  'GET /service-worker.js': { status: OPEN },
  'GET /up': { status: OPEN },
  'GET /ready': { status: OPEN },
  'POST /csp-reports': { status: [204, 204, 204, 204, 204, 204] },
  'GET /signup': { status: OPEN },
  'POST /signup': { status: [422, 422, 422, 422, 422, 422] },
  'POST /auth/users/create': { status: [400, 400, 400, 400, 400, 400] },
  'POST /auth/users': { status: [400, 400, 400, 400, 400, 400] },
  'GET /login': { status: OPEN },
  'POST /login': { status: [422, 422, 422, 422, 422, 422] },
  'GET /logout': { status: [303, 200, 200, 200, 200, 200] },
  'POST /logout': { status: [303, 303, 303, 303, 303, 303] },
  // Each for themselves.
  'GET /preferences': { status: OPEN },
  'POST /preferences': {
    status: [303, 303, 303, 303, 303, 303],
    fields: { theme: 'dark', text_size: 'large', enter: 'line' },
  },
  'GET /account': { status: [401, 200, 200, 200, 200, 200] },
  'POST /account': { status: [401, 303, 303, 303, 303, 303], fields: { name: 'Renamed' } },
  'PATCH /account': {
    status: [401, 303, 303, 403, 303, 303],
    fields: { email: 'somebody@example.org', password: PASSWORD },
  },
  'DELETE /account': { status: [401, 422, 422, 422, 422, 422] },
  'POST /account/delete': { status: [401, 422, 422, 422, 422, 422] },
  'POST /account/password': { status: [401, 422, 422, 403, 422, 422] },
  'PUT /account/password': { status: [401, 422, 422, 403, 422, 422] },
  'POST /account/keep': { status: [401, 403, 403, 422, 403, 403] },
  'GET /account/sessions': { status: [401, 303, 303, 303, 303, 303] },
  'DELETE /account/sessions/:id': { status: [401, 404, 404, 404, 404, 404] },
  'POST /account/sessions/:id/end': { status: [401, 404, 404, 404, 404, 404] },
  'GET /account/tokens': { status: [401, 303, 303, 303, 303, 303] },
  'POST /account/tokens': { status: [401, 422, 422, 403, 422, 422] },
  'DELETE /account/tokens': { status: [401, 303, 303, 303, 303, 303] },
  'POST /account/tokens/revoke': { status: [401, 303, 303, 303, 303, 303] },
  'DELETE /account/tokens/:id': { status: [401, 404, 404, 404, 404, 404] },
  'POST /account/tokens/:id/revoke': { status: [401, 404, 404, 404, 404, 404] },
  'GET /reset/:key': { status: [404, 404, 404, 404, 404, 404] },
  'POST /reset/:key': { status: [404, 404, 404, 404, 404, 404] },
  'POST /auth/token/create': { status: [400, 400, 400, 400, 400, 400] },
  'POST /auth/token/login': { status: [400, 400, 400, 400, 400, 400] },
  // By a token alone: these count no cookies.
  'POST /auth/token/destroy': { status: [401, 401, 401, 401, 401, 401] },
  'POST /auth/token/logout': { status: [401, 401, 401, 401, 401, 401] },
  'GET /auth/tokens': { status: [401, 401, 401, 401, 401, 401] },
  'DELETE /auth/tokens/:id': { status: [401, 401, 401, 401, 401, 401] },
  'POST /tickets': { status: [401, 401, 401, 401, 401, 401] },
  'GET /events': { status: [401, 303, 303, 303, 303, 303] },
  'GET /live': { status: [401, 303, 303, 303, 303, 303] },
  'GET /chats': { status: [401, 303, 303, 303, 303, 303] },
  'POST /chats': { status: [401, 303, 303, 303, 303, 303] },
  'POST /guests': { status: [303, 303, 303, 303, 303, 303], fields: { name: 'newcomer' } },
  // The link invites: whoever opens it may come in.
  'GET /chats/:uri': { status: OPEN },
  'PATCH /chats/:uri': { status: [401, 303, 303, 303, 303, 303] },
  'POST /chats/:uri/guests': { status: [303, 303, 303, 303, 303, 303], fields: { name: 'newcomer' } },
  'GET /chats/:uri/invite': { status: MEMBERS },
  'GET /chats/:uri/invite/code.svg': { status: MEMBERS },
  'GET /chats/:uri/header': { status: MEMBERS_FORM },
  'GET /chats/:uri/members': { status: MEMBERS },
  'POST /chats/:uri/members/me/departure': { status: [401, 404, 404, 303, 303, 403] },
  'DELETE /chats/:uri/members/me': { status: [401, 404, 404, 303, 303, 403] },
  'POST /chats/:uri/members/:id/removal': { status: OWNER_FORM },
  'DELETE /chats/:uri/members/:id': { status: OWNER_FORM },
  'GET /chats/:uri/settings': { status: OWNER },
  'POST /chats/:uri/settings': { status: OWNER_FORM, fields: { title: 'Renamed' } },
  'PATCH /chats/:uri/settings': { status: OWNER_FORM, fields: { title: 'Renamed' } },
  'POST /chats/:uri/link': { status: OWNER_FORM },
  'PUT /chats/:uri/link': { status: OWNER_FORM },
  'POST /chats/:uri/owner': { status: OWNER_FORM, fields: { user_id: ':member' } },
  'PUT /chats/:uri/owner': { status: OWNER_FORM, fields: { user_id: ':member' } },
  'GET /chats/:uri/bans': { status: OWNER },
  'POST /chats/:uri/bans/:id/removal': { status: OWNER_FORM },
  'DELETE /chats/:uri/bans/:id': { status: OWNER_FORM },
  'POST /chats/:uri/deletion': { status: OWNER_FORM, fields: { name: ':chat' } },
  'DELETE /chats/:uri': { status: OWNER_FORM, fields: { name: ':chat' } },
  'GET /chats/:uri/bots': { status: OWNER_FORM },
  'POST /chats/:uri/bots': { status: OWNER, fields: { name: 'deploy' } },
  'DELETE /chats/:uri/bots/:id': { status: OWNER_FORM },
  'POST /chats/:uri/bots/:id/removal': { status: OWNER_FORM },
  'PUT /chats/:uri/bots/:id/token': { status: OWNER },
  'POST /chats/:uri/bots/:id/token': { status: OWNER },
  'PUT /chats/:uri/bots/:id/hook': { status: OWNER },
  'POST /chats/:uri/bots/:id/hook': { status: OWNER },
  'DELETE /chats/:uri/bots/:id/hook': { status: OWNER_FORM },
  'POST /chats/:uri/bots/:id/hook/removal': { status: OWNER_FORM },
  // By its key alone.
  'POST /hooks/:key': { status: [404, 404, 404, 404, 404, 404] },
  'POST /chats/:uri/members': { status: [401, 303, 303, 303, 303, 303] },
  'PUT /chats/:uri/read': { status: MEMBERS_FORM, fields: { version: '1' } },
  'POST /chats/:uri/read': { status: MEMBERS_FORM, fields: { version: '1' } },
  'POST /chats/:uri/typing': { status: MEMBERS_FORM },
  'GET /chats/:uri/messages': { status: MEMBERS_FORM },
  'POST /chats/:uri/messages': { status: MEMBERS_FORM, fields: { message: 'hello' } },
  'GET /chats/:uri/messages/:id': { status: MEMBERS },
  'GET /chats/:uri/messages/:id/reply': { status: MEMBERS_FORM },
  'PATCH /chats/:uri/messages/:id': { status: [401, 404, 404, 403, 303, 403], fields: { message: 'mended' } },
  'POST /chats/:uri/messages/:id': { status: [401, 404, 404, 403, 303, 403], fields: { message: 'mended' } },
  'DELETE /chats/:uri/messages/:id': { status: [401, 404, 404, 403, 303, 303] },
  'POST /chats/:uri/messages/:id/deletion': { status: [401, 404, 404, 403, 303, 303] },
  'POST /chats/:uri/messages/:id/reactions': { status: MEMBERS_FORM, fields: { emoji: '👍' } },
  'PUT /chats/:uri/messages/:id/reactions/:emoji': { status: MEMBERS_FORM },
  'DELETE /chats/:uri/messages/:id/reactions/:emoji': { status: MEMBERS_FORM },
  'GET /chats/:uri/search': { status: MEMBERS, query: '?q=only' },
  'GET /imports': { status: [401, 200, 200, 403, 200, 200] },
  // Without a file.
  'POST /imports': { status: [401, 422, 422, 403, 422, 422] },
  'GET /chats/:uri/exports': { status: MEMBERS },
  'GET /chats/:uri/exports/:format': { status: MEMBERS },
  'GET /search': { status: [401, 200, 200, 200, 200, 200], query: '?q=only' },
  // As a frame that ends.
  'GET /chats/:uri/live': { status: MEMBERS },
}

/** What each route is marked with. */
const MARKS = new Map<string, Marks>(
  routerOf({} as Parts).stack.flatMap(layer =>
    layer.methods
      .filter(method => method !== 'HEAD')
      .map(method => [`${method} ${layer.path}`, marksOfLayer(layer)] as const),
  ),
)

describe('who may do what', () => {
  let site: Site
  const actors = {} as Record<Actor, Visitor>
  let leavers = 0
  /** The chat of the last request, if it is as it was before. */
  let kept: ({ route: string } & Awaited<ReturnType<typeof newChat>>) | undefined
  before(async () => {
    site = await openSite()
    actors.visitor = new Visitor(site)
    for (const name of ['stranger', 'removed', 'member', 'owner'] as const) {
      actors[name] = await new Visitor(site).signUp(`the-${name}`)
    }
  })
  after(() => site.close())

  it('is said here of every route', () => {
    assert.deepEqual([...MARKS.keys()].sort(), Object.keys(ROWS).sort())
  })

  it('lets no form of another page change anything, where a route does not say that it counts no cookies', async () => {
    for (const [route, { anonymous, cookieless, entrance }] of MARKS) {
      const [method = ''] = route.split(' ')
      if (method !== 'GET') {
        const { path, visitor, member_id } = await set(route, 'member')
        const forged = new URLSearchParams(await filled(ROWS[route]?.fields ?? {}, member_id))
        const byMember = await visitor.send(method, path, forged, { accept: 'text/html, */*' })
        const byVisitor = await actors.visitor.send(method, path, forged, { accept: 'text/html, */*' })
        const stale = /This page is out of date|Allow cookies for this site/
        assert.equal(stale.test(byMember.text), !anonymous && !cookieless, `${route}: ${byMember.text}`)
        assert.equal(stale.test(byVisitor.text), entrance === true, `${route}: ${byVisitor.text}`)
      }
    }
  })

  it('is limited, where a route is marked with a rate limit @long', async () => {
    const { rows } = await site.pool.query(`select id from users where username = 'the-owner'`)
    await createReset(site.db, rows[0].id, keyHash('something'))
    const counted = { authorization: `Token ${(await signUpProgram(site, 'counted')).token}` }
    for (const [route, { rate, entrance, cookieless }] of MARKS) {
      const [method = '', pattern = ''] = route.split(' ')
      if (rate) {
        // Of the rates, each of so many processes grants one request.
        const limited = await openSite({ LIMITS: 'on', WEB_CONCURRENCY: '64' }, site)
        const { path, visitor } = await set(
          route.replace(':key', 'something'),
          entrance ? 'visitor' : pattern === '/account/keep' ? 'guest' : 'owner',
        )
        const sender = Object.assign(new Visitor(limited), { cookies: visitor.cookies, csrf: visitor.csrf })
        const query = ROWS[route]?.query ?? ''
        const again = () => ask(sender, method, path + query, {}, cookieless ? counted : {})
        assert.notEqual((await again()).status, 429, route)
        assert.equal((await again()).status, 429, route)
        await limited.close()
      }
    }
  })

  for (const [route, { status, fields = {}, query = '' }] of Object.entries(ROWS)) {
    it(`holds for ${route}`, async () => {
      const [method = '', pattern = ''] = route.split(' ')
      for (const [place, actor] of ACTORS.entries()) {
        const { path, visitor, member_id } = await set(route, actor)
        const before = await stored(site)
        const answer = await ask(visitor, method, path + query, await filled(fields, member_id))
        assert.equal(answer.status, status[place], `${actor}: ${answer.text}`)
        const session = answer.headers.getSetCookie().find(cookie => cookie.startsWith('sid='))
        assert.ok(!session || MARKS.get(route)?.signsIn, `${actor} gets another session`)
        if (!['guest', 'member', 'owner'].includes(actor) && pattern.startsWith('/chats/:uri/')) {
          assert.ok(!answer.text.includes(SECRET), `${actor} reads ${answer.text}`)
        }
        if (answer.status >= 400) {
          assert.deepEqual(await stored(site), before, `${actor} changed something`)
        } else if (method !== 'GET') {
          kept = undefined
        }
      }
    })
  }

  /** What is asked for, in a chat that nothing was changed in, and who asks. */
  async function set(route: string, actor: Actor) {
    const [, pattern = ''] = route.split(' ')
    if (kept?.route !== route) {
      kept = { route, ...(await newChat(pattern)) }
    }
    const { uri, id, member_id } = kept
    const visitor = await visitorAs(actor, uri, pattern)
    const path = pattern
      .replace(':uri', uri)
      .replace(':id', pattern.startsWith('/account/') ? '999999999' : String(id))
      .replace(':emoji', encodeURIComponent('👍'))
      .replace(':key', 'nothing')
      .replace(':format', 'ndjson')
    return { path, visitor, member_id }
  }

  /** With a message by the member, and what the route is about. */
  async function newChat(pattern: string) {
    const { owner, member, removed } = actors
    await owner.get('/')
    const uri = await owner.startChat()
    await member.get(`/chats/${uri}`)
    await removed.get(`/chats/${uri}`)
    await removeMember(site, uri, 'the-removed')
    await member.post(`/chats/${uri}/messages`, { message: SECRET })
    const { json } = await member.send('GET', `/api/chats/${uri}/messages`, undefined, {})
    const member_id: number = json.messages[0].user.id
    let id: number = json.messages[0].id
    if (/\/(members|bans)\/:id/.test(pattern)) {
      id = member_id
    }
    if (pattern.includes('/bans/')) {
      await owner.post(`/chats/${uri}/members/${member_id}/removal`, { ban: 'true' })
      await site.pool.query('update members set left_at = null where user_id = $1', [member_id])
    }
    if (pattern.includes('/bots/')) {
      const body = new URLSearchParams({ csrf: owner.csrf, name: 'deploy' })
      const made = await owner.send('POST', `/chats/${uri}/bots`, body, { accept: 'application/json' })
      id = made.json.id
    }
    return { uri, id, member_id }
  }

  async function visitorAs(actor: Actor, uri: string, pattern: string): Promise<Visitor> {
    if (actor === 'guest') {
      const guest = new Visitor(site)
      await guest.get(`/chats/${uri}`)
      await guest.post(`/chats/${uri}/guests`, { name: 'Gus' })
      await guest.get('/')
      return guest
    }
    if (actor === 'visitor') {
      const visitor = new Visitor(site)
      await visitor.get('/')
      return visitor
    }
    return pattern.includes('logout') ? new Visitor(site).signUp(`leaver${++leavers}`) : actors[actor]
  }

  /** What is known of the chat alone; other rows rename its owner. */
  async function filled(fields: Record<string, string>, member_id: number): Promise<Record<string, string>> {
    const { rows } = await site.pool.query(`select name from users where username = 'the-owner'`)
    const known: Record<string, string> = {
      ':member': String(member_id),
      ':chat': `Chat started by ${rows[0]?.name}`,
    }
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, known[value] ?? value]))
  }

  function ask(
    visitor: Visitor,
    method: string,
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    if (method === 'GET') {
      return visitor.get(path)
    }
    const body = new URLSearchParams({ csrf: visitor.csrf, ...fields })
    return visitor.send(method, path, body, { accept: 'text/html, */*', ...headers })
  }
})
