import assert from 'node:assert/strict'
import argon2 from 'argon2'
import { createReset, useReset } from '../../src/db/resets.js'
import { createSession } from '../../src/db/sessions.js'
import { createToken, revokeTokens } from '../../src/db/tokens.js'
import { changePassword, createUser, deleteUser, findUser, keepGuest } from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { hashPassword } from '../../src/passwords.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { holdUser, letGo, waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, Visitor } from '../support/visitor.js'

type Request = () => Promise<Answer>

const OTHER = 'another horse battery'

describe('what was begun by a password that is changed meanwhile', () => {
  let site: Site
  let count = 0
  let changed: string
  before(async () => {
    site = await openSite()
    changed = await hashPassword('the newest horse battery')
  })
  after(() => site.close())

  const unique = () => `user${++count}x`
  const rowOf = async (id: number) => (await site.pool.query('select * from users where id = $1', [id])).rows[0]
  const countOf = async (table: 'sessions' | 'tokens', id: number): Promise<number> =>
    (await site.pool.query(`select count(*)::int from ${table} where user_id = $1`, [id])).rows[0].count

  describe('is refused', () => {
    /** The status of each, and what is to be sent, once all is ready. */
    const requests: Record<string, [number, (browser: Visitor, username: string, id: number) => Promise<Request>]> = {
      'signing in by the page': [
        422,
        async (_browser, username) => {
          const visitor = new Visitor(site)
          await visitor.get('/login')
          return () => visitor.post('/login', { username, password: PASSWORD })
        },
      ],
      'a token for name and password': [400, async (_browser, username) => takingToken(username)],
      'a token for a session': [401, async browser => () => browser.post('/account/tokens', { name: 'x' })],
      'another change of the password': [
        422,
        async browser => () => browser.post('/account/password', { current_password: PASSWORD, password: OTHER }),
      ],
      'the deletion of the account': [
        422,
        async browser => () => browser.post('/account/delete', { password: PASSWORD }),
      ],
      'the use of a link for another password': [
        404,
        async (_browser, _username, id) => {
          const key = randomKey()
          await createReset(site.db, id, keyHash(key))
          const visitor = new Visitor(site)
          await visitor.get(`/reset/${key}`)
          return () => visitor.post(`/reset/${key}`, { password: OTHER })
        },
      ],
    }
    for (const [name, [status, prepare]] of Object.entries(requests)) {
      it(`${name}, and nothing comes of it`, async () => {
        const { browser, username, id } = await signUp()
        const answer = await overtaken(id, await prepare(browser, username, id))
        assert.equal(answer.status, status, answer.text)
        assert.equal((await rowOf(id)).password_hash, changed)
        assert.equal((await rowOf(id)).deleted_at, null)
        assert.equal(await countOf('sessions', id), 0)
        assert.equal(await countOf('tokens', id), 0)
        assert.ok(!answer.headers.getSetCookie().some(cookie => /^sid=[^;]/.test(cookie)))
      })
    }

    it('a better hash of the old password, which would bring it back', async () => {
      const { username, id } = await signUp()
      await weaken(id)
      const answer = await overtaken(id, takingToken(username))
      assert.equal(answer.status, 400)
      assert.equal((await rowOf(id)).password_hash, changed)
    })
  })

  it('goes on where it is only another hash of the same password', async () => {
    const { username, id } = await signUp()
    await weaken(id)
    const holder = await holdUser(site, id)
    const answers = [1, 2].map(takingToken(username))
    await waiting(site, 2)
    await letGo(holder)
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200],
    )
    assert.match((await rowOf(id)).password_hash, /m=19456,t=2,p=1/)
  })

  it('is refused to a guest who was deleted: they do not come back as an account', async () => {
    const gus = await guest(site, 'Gus')
    const holder = await holdUser(site, gus.id)
    const keeping = gus.post('/account/keep', { username: unique(), password: PASSWORD })
    await waiting(site, 1)
    await holder.query('update users set deleted_at = now() where id = $1', [gus.id])
    await letGo(holder)
    assert.equal((await keeping).status, 403)
    assert.equal((await rowOf(gus.id)).kind, 'guest')
  })

  describe('does not outlive', () => {
    const endings: Record<string, (id: number) => Promise<() => Promise<unknown>>> = {
      'a change of the password': async id => () => changePassword(site.db, { id, password_hash: 'x' }, 'y'),
      'a reset of the password': async id => {
        const key = keyHash(randomKey())
        await createReset(site.db, id, key)
        return () => useReset(site.db, key, 'y')
      },
      'the deletion of the account': async id => () => deleteUser(site.db, { id, password_hash: 'x' }),
    }
    const beginnings = {
      'a session': (id: number) => createSession(site.db, keyHash(randomKey()), { id, password_hash: 'x' }, ''),
      'a token': async (id: number) =>
        (await createToken(site.db, { id, password_hash: 'x' }, { key_hash: keyHash(randomKey()) })).outcome === 'made',
    }
    for (const [ending, prepare] of Object.entries(endings)) {
      for (const [beginning, begin] of Object.entries(beginnings)) {
        it(`${ending}: ${beginning}, whichever comes first`, async () => {
          for (const order of ['begins first', 'ends first']) {
            const user = await createUser(site.db, { username: unique(), email: '', password_hash: 'x' })
            assert.ok(user)
            const end = await prepare(user.id)
            assert.deepEqual(await inOrder(user.id, order, () => begin(user.id), end), [true, order === 'begins first'])
            assert.equal(await countOf('sessions', user.id), 0, order)
            // A program's credential is not the password: those that were made in time stay.
            const stays = order === 'begins first' && beginning === 'a token' && !ending.includes('deletion')
            assert.equal(await countOf('tokens', user.id), stays ? 1 : 0, order)
          }
        })
      }
    }

    it('a guest’s becoming an account: a session, whichever comes first', async () => {
      for (const order of ['begins first', 'ends first']) {
        const { id } = await guest(site, 'Gus')
        const begin = () => createSession(site.db, keyHash(randomKey()), { id, password_hash: null }, '')
        const end = () => keepGuest(site.db, id, { username: unique(), email: '', password_hash: 'x' })
        await inOrder(id, order, begin, end)
        assert.equal(await countOf('sessions', id), 0, order)
      }
    })
  })

  it('of two changes only the first is made', async () => {
    const user = await createUser(site.db, { username: unique(), email: '', password_hash: 'x' })
    assert.ok(user)
    const change = (to: string) => () => changePassword(site.db, { id: user.id, password_hash: 'x' }, to)
    assert.deepEqual(await inOrder(user.id, 'begins first', change('first'), change('second')), [true, false])
    assert.equal((await rowOf(user.id)).password_hash, 'first')
  })

  it('of tokens none outlives the revocation of all, whichever comes first', async () => {
    for (const order of ['begins first', 'ends first']) {
      const user = await createUser(site.db, { username: unique(), email: '', password_hash: 'x' })
      assert.ok(user)
      const { id } = user
      const begin = () => createToken(site.db, { id, password_hash: 'x' }, { key_hash: keyHash(randomKey()) })
      await inOrder(id, order, begin, () => revokeTokens(site.db, id))
      assert.equal(await countOf('tokens', id), order === 'begins first' ? 0 : 1)
    }
  })

  it('of two links for another password only the newest works, made at the same moment too', async () => {
    const user = await createUser(site.db, { username: unique(), email: '', password_hash: 'x' })
    assert.ok(user)
    const holder = await holdUser(site, user.id)
    const keys = [keyHash(randomKey()), keyHash(randomKey())]
    const both = keys.map(key => createReset(site.db, user.id, key))
    await waiting(site, 2)
    await letGo(holder)
    assert.deepEqual(await Promise.all(both), [true, true])
    const { rows } = await site.pool.query('select 1 from resets where user_id = $1', [user.id])
    assert.equal(rows.length, 1)
    await deleteUser(site.db, { id: user.id, password_hash: 'x' })
    assert.equal(await createReset(site.db, user.id, keyHash(randomKey())), false, 'nor for who is deleted')
  })

  async function signUp() {
    const username = unique()
    const browser = await new Visitor(site).signUp(username)
    const id = (await findUser(site.db, username))?.id
    assert.ok(id)
    return { browser, username, id }
  }

  /** A hash that a sign-in replaces. */
  async function weaken(id: number) {
    const weak = await argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 1024, timeCost: 2, parallelism: 1 })
    await site.pool.query('update users set password_hash = $2 where id = $1', [id, weak])
  }

  function takingToken(username: string): Request {
    return () => new Program(site).call('POST', '/auth/token/create/', { username, password: PASSWORD })
  }

  /** What becomes of both when one waits for the user's row before the other does. */
  async function inOrder(
    id: number,
    order: string,
    begin: () => Promise<unknown>,
    end: () => Promise<unknown>,
  ): Promise<unknown[]> {
    const [first, second] = order === 'begins first' ? [begin, end] : [end, begin]
    const holder = await holdUser(site, id)
    const both = [first()]
    await waiting(site, 1)
    both.push(second())
    await waiting(site, 2)
    await letGo(holder)
    return Promise.all(both)
  }

  /** What is answered to a request that finds the user's row held by a change of the password, which is then made. */
  async function overtaken(id: number, request: Request): Promise<Answer> {
    const holder = await holdUser(site, id)
    const answer = request()
    await waiting(site, 1)
    await holder.query('update users set password_hash = $2, version = version + 1 where id = $1', [id, changed])
    await holder.query('delete from sessions where user_id = $1', [id])
    await holder.query('delete from resets where user_id = $1', [id])
    await letGo(holder)
    return answer
  }
})
