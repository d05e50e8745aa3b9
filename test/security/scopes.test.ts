import assert from 'node:assert/strict'
import { SCOPES, type Scope } from '../../src/db/schema.js'
import type { Marks, Parts } from '../../src/http/context.js'
import { marksOfLayer } from '../../src/http/marks.js'
import { keyHash, tokenKey } from '../../src/keys.js'
import { routerOf } from '../../src/routes/index.js'
import { openSite, type Site } from '../support/site.js'
import { openSocket } from '../support/streams.js'
import { Program, signUpProgram } from '../support/visitor.js'

/** Every route, with what it is marked with. */
const ROUTES: [method: string, path: string, marks: Marks][] = routerOf({} as Parts).stack.flatMap(layer =>
  layer.methods
    .filter(method => method !== 'HEAD')
    .map(method => [method, String(layer.path), marksOfLayer(layer)] as [string, string, Marks]),
)

interface Kind {
  scopes: Scope[]
  chat?: 'own' | 'other'
}

const KINDS: Record<string, Kind> = {
  'all scopes': { scopes: [...SCOPES] },
  ...Object.fromEntries(SCOPES.map(scope => [scope, { scopes: [scope] }])),
  'read and post': { scopes: ['read', 'post'] },
  'all scopes, in this chat': { scopes: [...SCOPES], chat: 'own' },
  'all scopes, in another chat': { scopes: [...SCOPES], chat: 'other' },
  'read, in this chat': { scopes: ['read'], chat: 'own' },
}

/** Whether a token of that kind may not even try. */
function isBeyond({ scopes, chat }: Kind, path: string, { anonymous, operation }: Marks): boolean {
  if (anonymous || operation?.scope === 'any') {
    return false
  }
  const inChat = chat === undefined || (chat === 'own' && path.startsWith('/chats/:uri') && operation !== undefined)
  return !inChat || !(operation ? [operation.scope] : SCOPES).every(scope => scopes.some(one => one === scope))
}

describe('the scopes of a token', () => {
  let site: Site
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  async function owner() {
    const program = await signUpProgram(site, `owner${++count}`)
    const { id: user_id } = (await program.call('GET', '/api/account/')).json
    const [own, other] = [await program.startChat(), await program.startChat()]
    const { id } = (await program.post(own, 'hello')).json
    const chat_ids = Object.fromEntries(
      (await site.db.selectFrom('links').select(['uri', 'chat_id']).where('uri', 'in', [own, other]).execute()).map(
        ({ uri, chat_id }) => [uri, chat_id],
      ),
    )
    return {
      own,
      other,
      id,
      /** A new one, as the one before may have revoked itself. */
      async token({ scopes, chat }: Kind) {
        const key = tokenKey()
        const chat_id = chat === undefined ? null : chat_ids[chat === 'own' ? own : other]
        await site.db
          .insertInto('tokens')
          .values({ key_hash: keyHash(key), user_id, scopes, chat_id })
          .execute()
        return new Program(site, key)
      },
    }
  }

  for (const [name, kind] of Object.entries(KINDS)) {
    it(`hold for every route: ${name}`, async () => {
      const { own, id, token } = await owner()
      const isRefused = async (method: string, path: string) => {
        const { token: key } = await token(kind)
        const filled = path.replace(':uri', own).replace(':id', String(id)).replace(/:\w+/, 'x')
        // Some of them are streams: what they send is not waited for.
        const answer = await fetch(site.url + filled, {
          method,
          headers: { authorization: `Token ${key}`, accept: 'application/json', 'content-type': 'application/json' },
          redirect: 'manual',
          ...(method === 'GET' ? {} : { body: '{}' }),
        })
        if (answer.status !== 403) {
          await answer.body?.cancel()
          return false
        }
        return ((await answer.json()) as { code: string }).code === 'insufficient_scope'
      }
      const refused: string[] = []
      const ask = async ([method, path]: (typeof ROUTES)[number]) => {
        if (await isRefused(method, path)) {
          refused.push(`${method} ${path}`)
        }
      }
      // Those that revoke the tokens of the others come last.
      const ending = (path: string) => /tokens|token\/(destroy|logout)/.test(path)
      await Promise.all(ROUTES.filter(([, path]) => !ending(path)).map(ask))
      for (const route of ROUTES.filter(([, path]) => ending(path))) {
        await ask(route)
      }
      const beyond = ROUTES.filter(([, path, marks]) => isBeyond(kind, path, marks)).map(route =>
        route.slice(0, 2).join(' '),
      )
      assert.deepEqual(refused.sort(), beyond.sort())
      assert.equal(beyond.length > 0, name !== 'all scopes')
    })
  }

  it('hold for what is sent by a WebSocket, also by the one of all chats', async () => {
    const { own, token } = await owner()
    const [reader, writer, bound] = [
      await token({ scopes: ['read'] }),
      await token({ scopes: ['read', 'post'] }),
      await token({ scopes: ['read', 'post'], chat: 'own' }),
    ]
    for (const [program, code] of [
      [reader, 'insufficient_scope'],
      [writer, undefined],
      [bound, undefined],
    ] as const) {
      const socket = await openSocket(site, `/api/chats/${own}/live/`, program)
      assert.equal((await socket.ask({ message: 'by socket', key: program.token })).code, code)
      socket.cut()
    }
    const all = await openSocket(site, '/api/live/', writer)
    assert.equal((await all.ask({ uri: own, message: 'by socket', key: 'all' })).status, 'SUCCESS')
    all.cut()
    const answer = await bound.call('GET', '/api/live/')
    assert.deepEqual([answer.status, answer.json.code], [403, 'insufficient_scope'])
  })

  it('leave what needs no token as it is, and say nothing of other chats', async () => {
    const { own, other, token } = await owner()
    const bound = await token({ scopes: ['read'], chat: 'own' })
    assert.equal((await bound.call('GET', '/api/openapi.json')).status, 200)
    assert.equal((await bound.call('GET', '/up')).status, 200)
    assert.equal((await bound.call('GET', `/api/chats/${own}/nothing/`)).status, 404)
    assert.equal((await bound.call('PUT', `/api/chats/${own}/messages/`)).status, 405)
    for (const uri of [other, 'x'.repeat(22), 'x', `${own}%20`, 'é', '%00']) {
      const { status, json } = await bound.call('GET', `/api/chats/${uri}/messages/`)
      assert.deepEqual([status, json.detail], [403, 'This token is for one chat alone, and this is not in it.'], uri)
    }
  })

  it('hold by the new link of the chat as by the old one', async () => {
    const { own, token } = await owner()
    const bound = await token({ scopes: ['read'], chat: 'own' })
    const manager = await token({ scopes: ['manage'] })
    assert.equal((await bound.call('GET', `/api/chats/${own}/messages/`)).status, 200)
    const { uri } = (await manager.call('PUT', `/api/chats/${own}/link/`, {})).json
    for (const path of [uri, own, uri]) {
      assert.equal((await bound.call('GET', `/api/chats/${path}/messages/?after=0`)).status, 200)
    }
  })
})
