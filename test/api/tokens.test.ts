import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { LIMITS } from '../../src/config.js'
import { isTokenKey, keyHash, tokenKey } from '../../src/keys.js'
import { assertProblem } from '../input/answers.js'
import { openSite, type Site } from '../support/site.js'
import { openEvents } from '../support/streams.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const DAY = 86_400_000

describe('tokens', () => {
  let site: Site
  let count = 0
  const unique = (name = 'ann') => `${name}${++count}`
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  async function owner() {
    const username = unique()
    const program = await signUpProgram(site, username)
    const { id } = (await program.call('GET', '/api/account/')).json
    return { username, program, id: id as number }
  }

  const signIn = (username: string, fields: object = {}) =>
    new Program(site).call('POST', '/auth/token/create/', { username, password: PASSWORD, ...fields })

  const make = (program: Program, fields: object) =>
    program.call('POST', '/api/account/tokens/', { name: 'child', ...fields })

  const listed = async (program: Program) => (await program.call('GET', '/auth/tokens/')).json.tokens

  describe('have a form', () => {
    it('that scanners find, with a checksum that anybody can verify', async () => {
      const { username } = await owner()
      const { auth_token } = (await signIn(username)).json
      const [, random = '', sum = ''] = /^chatire_([\w-]{43})_([0-9A-Za-z]{6})$/.exec(auth_token) ?? []
      const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
      const number = [...sum].reduce((total, digit) => total * 62 + digits.indexOf(digit), 0)
      assert.equal(number, crc32(random))
      assert.equal(new Set(Array.from({ length: 1000 }, () => tokenKey())).size, 1000)
    })

    it('that is looked at before the database is asked, and those of before work on', async () => {
      const { program } = await owner()
      assert.match(program.token ?? '', /^[\w-]{43}$/)
      assert.equal((await program.call('GET', '/api/account/')).status, 200)
      const key = tokenKey()
      assert.ok(isTokenKey(key))
      assert.ok(isTokenKey('any other'))
      for (const wrong of [
        `${key}x`,
        key.slice(0, -1),
        key.replace('_', '-'),
        'chatire_',
        `chatire_${'x'.repeat(43)}_000000`,
      ]) {
        assert.equal(isTokenKey(wrong), wrong.startsWith('chatire-'), wrong)
        assertProblem(await new Program(site, wrong).call('GET', '/api/account/'), 401)
      }
    })
  })

  describe('by signing in', () => {
    it('may do everything, as ever, and less where that is asked', async () => {
      const { username, program } = await owner()
      const uri = await program.startChat()
      const full = new Program(site, (await signIn(username)).json.auth_token)
      const [all] = await listed(full)
      assert.deepEqual([all.scopes, all.chat, all.expires_at], [['read', 'post', 'manage'], null, null])
      const expires_at = new Date(Date.now() + DAY).toISOString()
      const made = await signIn(username, { name: 'little', scopes: ['read'], chat: uri, expires_at })
      assert.deepEqual(Object.keys(made.json), ['auth_token'])
      const little = new Program(site, made.json.auth_token)
      assert.equal((await little.call('GET', `/api/chats/${uri}/messages/`)).status, 200)
      assertProblem(await little.post(uri, 'hello'), 403)
      assertProblem(await little.call('GET', '/api/chats/'), 403)
      const { scopes, chat, expires_at: until } = (await listed(full)).find(({ name }: { name: string }) => name)
      assert.deepEqual([scopes, chat, until], [['read'], uri, expires_at])
    })

    it('are refused with a sentence where their rights make no sense', async () => {
      const { username, program } = await owner()
      const foreign = await (await owner()).program.startChat()
      for (const [field, value, sentence] of [
        ['scopes', [], 'Choose at least one.'],
        ['scopes', ['read', 'write'], 'Must be read, post, manage.'],
        ['scopes', { read: true }, undefined],
        ['scopes', 7, undefined],
        ['scopes', Array.from({ length: 5000 }, (_, n) => `x${n}`), undefined],
        ['chat', foreign, 'You are in no such chat.'],
        ['chat', 'x', 'Not the URI of a chat.'],
        ['chat', ['x'], 'Not a valid string.'],
        ['expires_at', '2020-01-01', 'Must be in the future.'],
        ['expires_at', '2099-02-31', undefined],
        ['expires_at', 'tomorrow', undefined],
        ['expires_at', 5, 'Not a valid string.'],
      ] as const) {
        for (const [status, refused] of [
          [400, await signIn(username, { [field]: value })],
          [422, await make(program, { [field]: value })],
        ] as const) {
          assertProblem(refused, status)
          assert.deepEqual(Object.keys(refused.json.errors), [field], JSON.stringify(value).slice(0, 50))
          if (sentence) {
            assert.deepEqual(refused.json.errors[field], [sentence])
          }
          assert.ok(refused.text.length < 3000)
        }
      }
      assert.equal((await listed(program)).length, 1)
    })
  })

  describe('that a token makes', () => {
    it('may do what it may do itself, and no more', async () => {
      const { program } = await owner()
      const expires_at = new Date(Date.now() + DAY).toISOString()
      const parent = new Program(
        site,
        (await make(program, { scopes: ['read', 'manage'], expires_at })).json.auth_token,
      )
      const child = await make(parent, {})
      assert.equal(child.status, 201)
      assert.deepEqual(
        { ...child.json, id: 0, auth_token: '' },
        {
          id: 0,
          auth_token: '',
          name: 'child',
          scopes: ['read', 'manage'],
          chat: null,
          expires_at,
        },
      )
      assert.deepEqual((await make(parent, { scopes: ['read'], expires_at })).json.scopes, ['read'])
      for (const more of [
        { scopes: ['post'] },
        { scopes: ['read', 'post'] },
        { expires_at: new Date(Date.now() + 2 * DAY).toISOString() },
      ]) {
        const refused = await make(parent, more)
        assert.deepEqual([refused.status, refused.json.code], [403, 'insufficient_scope'], JSON.stringify(more))
      }
      const reader = new Program(site, (await make(parent, { scopes: ['read'] })).json.auth_token)
      assert.equal((await make(reader, { scopes: ['read'] })).json.code, 'insufficient_scope')
    })

    it('end with it', async () => {
      const { program } = await owner()
      const parent = (await make(program, { name: 'parent' })).json
      const child = new Program(site, (await make(new Program(site, parent.auth_token), {})).json.auth_token)
      const stream = await openEvents(site, '/api/live/', child)
      assert.equal((await child.call('GET', '/api/account/')).status, 200)
      assert.equal((await program.call('DELETE', `/auth/tokens/${parent.id}/`)).status, 204)
      assert.equal((await child.call('GET', '/api/account/')).status, 401)
      await stream.over()
      assert.equal((await listed(program)).length, 1)
    })

    it('are not made once it has ended', async () => {
      const { program, id } = await owner()
      const { auth_token } = (await make(program, {})).json
      const parent = new Program(site, auth_token)
      // It is in memory now, and the database has it no more.
      await parent.call('GET', '/api/account/')
      await site.db.deleteFrom('tokens').where('key_hash', '=', keyHash(auth_token)).execute()
      assertProblem(await make(parent, {}), 401)
      assert.equal((await site.db.selectFrom('tokens').select('id').where('user_id', '=', id).execute()).length, 1)
    })
  })

  describe('end', () => {
    it('at their own time, however much they are used', async () => {
      const { program, id } = await owner()
      const expires_at = new Date(Date.now() + DAY).toISOString()
      const made = new Program(site, (await make(program, { expires_at })).json.auth_token)
      assert.equal((await made.call('GET', '/api/account/')).status, 200)
      await site.db
        .updateTable('tokens')
        .set({ expires_at: new Date(Date.now() - 1000) })
        .where('user_id', '=', id)
        .where('name', '=', 'child')
        .execute()
      await site.db.updateTable('users').set({ version: 1_000_000 }).where('id', '=', id).execute()
      await site.live.ended(id)
      assert.equal((await made.call('GET', '/api/account/')).status, 401)
      assert.equal((await listed(program)).length, 1)
    })

    it('on the last moment of a day that a form names', async () => {
      const { program } = await owner()
      const made = await make(program, { expires_at: '2099-12-31' })
      assert.equal(made.json.expires_at, '2099-12-31T23:59:59.999Z')
      assert.equal((await make(program, { name: 'endless', expires_at: '' })).json.expires_at, null)
      assert.equal((await make(program, { name: 'endless', expires_at: null })).json.expires_at, null)
    })
  })

  describe('are 100 with a name and 100 without', () => {
    /** So many more tokens of the user, unused for so many minutes. */
    async function fill(user_id: number, name: string, many: number, minutes: number) {
      const last_used_at = new Date(Date.now() - minutes * 60_000)
      const rows = Array.from({ length: many }, (_, n) => ({
        key_hash: keyHash(`${user_id} ${name} ${n}`),
        user_id,
        name: name && `${name} ${n}`,
        last_used_at,
      }))
      await site.db.insertInto('tokens').values(rows).execute()
    }

    const agedBy = (id: number, minutes: number) =>
      site.pool.query(`update tokens set last_used_at = now() - make_interval(mins => $2) where id = $1`, [id, minutes])

    const idOfFirst = async (user_id: number) =>
      (await site.pool.query('select id from tokens where user_id = $1 order by id limit 1', [user_id])).rows[0].id

    it('and of those without, the one unused longest gives way', async () => {
      const { username, program, id } = await owner()
      await agedBy(await idOfFirst(id), 60)
      await fill(id, '', LIMITS.tokensPerUser - 1, 30)
      await fill(id, 'named', LIMITS.tokensPerUser - 1, 90)
      const made = await signIn(username)
      assert.equal(made.status, 200)
      assert.equal((await program.call('GET', '/auth/tokens/')).status, 401)
      assert.equal((await listed(new Program(site, made.json.auth_token))).length, 2 * LIMITS.tokensPerUser - 1)
      assert.equal((await signIn(username, { name: 'the last' })).status, 200)
      const full = await signIn(username, { name: 'one more' })
      assert.deepEqual([full.status, full.json.code], [409, 'too_many_tokens'])
    })

    it('but never one that was used in the last 10 minutes', async () => {
      const { username, program, id } = await owner()
      await fill(id, '', LIMITS.tokensPerUser - 1, 9)
      await fill(id, 'named', 1, 900)
      await agedBy(await idOfFirst(id), 600)
      // Nothing is in memory of when it was used before. Now it is.
      site.live.ended(id)
      assert.equal((await program.call('GET', '/auth/tokens/')).status, 200)
      const refused = await signIn(username)
      assert.deepEqual([refused.status, refused.json.code], [409, 'too_many_tokens'])
      assert.match(refused.json.detail, /without a name/)
      assert.equal((await program.call('GET', '/auth/tokens/')).status, 200)
    })

    it('nor one by which a stream is open', async () => {
      const { username, program, id } = await owner()
      await fill(id, '', LIMITS.tokensPerUser - 1, 9)
      const stream = await openEvents(site, '/api/live/', program)
      await agedBy(await idOfFirst(id), 600)
      await site.live.tokenUse.write()
      assert.equal((await signIn(username)).status, 409)
      await agedBy(await idOfFirst(id), 600)
      stream.close()
      await site.live.tokenUse.write()
    })

    it('nor one that has made others', async () => {
      const { username, program, id } = await owner()
      const parent = new Program(site, (await signIn(username)).json.auth_token)
      await make(parent, {})
      await fill(id, '', LIMITS.tokensPerUser - 2, 9)
      await site.pool.query(
        `update tokens set last_used_at = now() - interval '1 day' where id = (select parent_id from tokens where parent_id is not null and user_id = $1)`,
        [id],
      )
      assert.equal((await signIn(username)).status, 409)
      assert.equal((await program.call('GET', '/auth/tokens/')).status, 200)
    })
  })

  describe('on the account’s page', () => {
    it('are made with what was ticked, and listed with what they may do', async () => {
      const ann = await new Visitor(site).signUp(unique())
      const uri = await ann.startChat()
      const { text } = await ann.get('/account')
      assert.match(text, /<input[^>]*name="scopes" type="checkbox" value="read" checked/)
      assert.ok(text.includes(`<option value="${uri}">`))
      const form = new URLSearchParams({ csrf: ann.csrf, name: 'reader', chat: uri, expires_at: '2099-12-31' })
      for (const scope of ['', 'read', 'post']) {
        form.append('scopes', scope)
      }
      const made = await ann.send('POST', '/account/tokens', form, { accept: 'text/html' })
      assert.equal(made.status, 200)
      const [, key = ''] = /id="made"[^>]*value="(chatire_[\w-]{50})"/.exec(made.text) ?? []
      assert.equal((await new Program(site, key).post(uri, 'hello')).status, 201)
      assertProblem(await new Program(site, key).call('GET', '/api/chats/'), 403)
      const list = (await ann.get('/account')).text
      assert.match(list, /May read and post, in <bdi>Chat started by ann\d+<\/bdi> alone, until <time[^>]*2099-12-31/)
    })

    it('come back as they were typed where nothing is ticked, or too many are there', async () => {
      const ann = await new Visitor(site).signUp(unique())
      const send = (fields: Record<string, string>) =>
        ann.send('POST', '/account/tokens', new URLSearchParams({ csrf: ann.csrf, name: 'reader', ...fields }), {
          accept: 'text/html',
        })
      const none = await send({ scopes: '', expires_at: 'soon' })
      assert.equal(none.status, 422)
      assert.match(none.text, /Choose at least one\./)
      assert.match(none.text, /Must be a day such as/)
      assert.doesNotMatch(none.text, /name="scopes" type="checkbox" value="read" checked/)
      const rows = Array.from({ length: LIMITS.tokensPerUser }, (_, n) => n)
      for (const n of rows) {
        await site.pool.query(
          `insert into tokens (key_hash, user_id, name) select sha256(('n' || $1 || id)::bytea), id, 'n' || $1 from users
           where id = (select max(id) from users)`,
          [String(n)],
        )
      }
      const full = await send({ scopes: 'read' })
      assert.equal(full.status, 409)
      assert.match(full.text, /You have 100 tokens with a name\. Revoke some that you do not need\./)
      assert.match(full.text, /id="token-name"[^>]*value="reader"/)
      const part = await ann.htmx('POST', '/account/tokens', { name: 'x', scopes: 'read' })
      assert.equal(part.status, 409)
    })
  })
})
