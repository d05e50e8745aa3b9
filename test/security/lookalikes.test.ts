import assert from 'node:assert/strict'
import { joinChat } from '../../src/db/chats.js'
import { joinAsGuest } from '../../src/db/guests.js'
import { Lookalike } from '../../src/db/usernames.js'
import { changeUser, createUser, deleteUser, keepGuest, settleUser, type User } from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { guest } from '../support/guests.js'
import { waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, Visitor } from '../support/visitor.js'

const SENTENCE = 'This name looks like that of somebody else. Please choose another.'
const ACCOUNT = { email: '', password_hash: 'x' }

describe('names that look like one that is taken', () => {
  let site: Site
  /** Another process on the same database. */
  let beside: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    beside = await openSite({}, site)
    ann = await new Visitor(site).signUp('engelgabriel')
    uri = await ann.startChat()
  })
  after(async () => {
    await beside.close()
    await site.close()
  })

  const account = async (username: string): Promise<User> => {
    const user = await createUser(site.db, { ...ACCOUNT, username })
    assert.ok(user)
    return user
  }
  const shown = async (link: string): Promise<string[]> =>
    (
      await site.pool.query(
        'select m.name from members m join links l using (chat_id) where l.uri = $1 and m.left_at is null order by m.name',
        [link],
      )
    ).rows.map(({ name }) => name)

  it('are refused at sign-up: by the page, to a guest, and by the API', async () => {
    const refused = await new Program(site).call('POST', '/auth/users/create/', {
      username: 'engeIgabrieI',
      password: PASSWORD,
    })
    assert.equal(refused.status, 400)
    assert.deepEqual(refused.json.errors, { username: [SENTENCE] })
    const visitor = new Visitor(site)
    await visitor.get('/signup')
    const page = await visitor.post('/signup', { username: 'enge1gabrie1', password: PASSWORD })
    assert.equal(page.status, 422)
    assert.ok(page.text.includes(SENTENCE))
    const gus = await guest(site, 'Gus')
    const kept = await gus.post('/account/keep', { username: 'engelgabrieI', password: PASSWORD })
    assert.equal(kept.status, 422)
    assert.ok(kept.text.includes(SENTENCE))
    const same = await new Program(site).call('POST', '/auth/users/create/', {
      username: 'EngelGabriel',
      password: PASSWORD,
    })
    assert.deepEqual(same.json.errors, { username: ['A user with that username already exists.'] })
  })

  it('are refused to guests of the chat: by the page, the fragment and JSON, and are free elsewhere', async () => {
    const visitor = new Visitor(site)
    await visitor.get(`/chats/${uri}`)
    const page = await visitor.post(`/chats/${uri}/guests`, { name: 'engeIgabrieI' })
    assert.equal(page.status, 422)
    assert.ok(page.text.includes(SENTENCE))
    const fragment = await visitor.htmx('POST', `/chats/${uri}/guests`, { name: 'engeIgabrieI' })
    assert.equal(fragment.status, 422)
    assert.ok(fragment.text.includes(SENTENCE))
    const json = await new Program(site).call('POST', `/api/chats/${uri}/guests/`, { name: 'engeIgabrieI' })
    assert.equal(json.status, 422)
    assert.deepEqual(json.json.errors, { name: [SENTENCE] })
    const elsewhere = await new Program(site).call('POST', '/api/guests/', { name: 'engeIgabrieI' })
    assert.equal(elsewhere.status, 201)
  })

  it('are refused at renaming: an account’s username, and whoever is in a chat of theirs', async () => {
    const bob = await new Visitor(site).signUp('bobby')
    assert.equal((await bob.post(`/chats/${uri}/members`, {})).status, 303)
    const refused = await bob.post('/account', { name: 'EngeIgabrieI' })
    assert.equal(refused.status, 422)
    assert.ok(refused.text.includes(SENTENCE))
    assert.equal((await ann.post('/account', { name: 'Paula Fell' })).status, 303)
    const alike = await bob.send('PATCH', '/api/account/', JSON.stringify({ name: 'PauIa FeII' }), {
      'content-type': 'application/json',
      'x-csrf-token': bob.csrf,
    })
    assert.equal(alike.status, 422)
    assert.deepEqual(alike.json.errors, { name: [SENTENCE] })
    assert.equal(
      (await new Visitor(site).signUp('stranger').then(s => s.post('/account', { name: 'PauIa FeII' }))).status,
      303,
    )
    assert.equal((await ann.post('/account', { name: 'engelgabriel' })).status, 303, 'one’s own is free')
  })

  it('get the mark of a taken name where an account joins with one; a guest gives way to it', async () => {
    const [first, second] = [await account('first1'), await account('second1')]
    for (const [user, name] of [
      [first, 'Iris Cole'],
      [second, 'lris CoIe'],
    ] as const) {
      assert.equal(await changeUser(site.db, user.id, { name }), true)
      await settleUser(site.db, user.id, () => {})
    }
    const link = await ann.startChat()
    for (const { id } of [first, second]) {
      assert.equal((await joinChat(site.db, link, id)).outcome, 'joined')
    }
    assert.deepEqual(await shown(link), ['Iris Cole', 'engelgabriel', 'lris CoIe (2)'])

    const other = await ann.startChat()
    assert.equal((await enter(other, 'Iris CoIe')).joined.outcome, 'joined')
    assert.equal((await joinChat(site.db, other, first.id)).outcome, 'joined')
    assert.deepEqual(await shown(other), ['Iris CoIe (guest)', 'Iris Cole', 'engelgabriel'])
    assert.equal((await joinChat(site.db, other, second.id)).outcome, 'joined')
    assert.ok((await shown(other)).includes('lris CoIe (2)'))
  })

  it('stay with whoever has them, and mark whoever is renamed while they come', async () => {
    const [first, second] = [await account('stays1'), await account('stays2')]
    const link = await ann.startChat()
    await joinChat(site.db, link, first.id)
    await joinChat(site.db, link, second.id)
    // As names of before, and as a rename whose chats have changed since it was let through.
    await site.pool.query(
      `update users set name = case id when $1 then 'Lil Hill' else 'LiI HiII' end,
         folded_name = case id when $1 then 'lil hill' else 'lii hiii' end, skeleton = 'lil hill' where id in ($1, $2)`,
      [first.id, second.id],
    )
    await settleUser(site.db, first.id, () => {})
    await settleUser(site.db, second.id, () => {})
    assert.deepEqual(await shown(link), ['LiI HiII (2)', 'Lil Hill', 'engelgabriel'])
  })

  it('of a deleted account are refused too, and no trace shows how it was written', async () => {
    const gone = await account('whitehall')
    await deleteUser(site.db, { id: gone.id, password_hash: 'x' })
    await assert.rejects(account('whitehaIl'), Lookalike)
    const { rows } = await site.pool.query('select u.*::text as row from users u where id = $1', [gone.id])
    assert.doesNotMatch(rows[0].row, /whiteha/i)
  })

  describe('at once in two processes', () => {
    /** Begins the second while the first has taken the name and not committed. */
    const racing = async (
      first: (taken: () => Promise<void>) => Promise<unknown>,
      second: () => Promise<unknown>,
    ): Promise<PromiseSettledResult<unknown>> => {
      let letGo = () => {}
      const held = new Promise<void>(resolve => {
        letGo = resolve
      })
      const taken = new Promise<void>((resolve, reject) => {
        first(async () => {
          resolve()
          await held
        }).catch(reject)
      })
      await taken
      const [late] = [Promise.allSettled([second()])]
      await waiting(site, 1)
      letGo()
      const [outcome] = await late
      assert.ok(outcome)
      return outcome
    }
    const winning = (username: string) => (taken: () => Promise<void>) =>
      createUser(site.db, { ...ACCOUNT, username }, taken)

    it('are given to one sign-up alone', async () => {
      const late = await racing(winning('racehill'), () => createUser(beside.db, { ...ACCOUNT, username: 'racehiIl' }))
      assert.equal(late.status === 'rejected' && late.reason instanceof Lookalike, true)
      const { rows } = await site.pool.query("select username from users where username_skeleton = 'racehill'")
      assert.deepEqual(rows, [{ username: 'racehill' }])
    })

    it('are not given to a guest who makes an account, nor as a name to be shown', async () => {
      const { id } = await guest(site, 'Racing')
      const kept = await racing(winning('keephill'), () =>
        keepGuest(beside.db, id, { ...ACCOUNT, username: 'keephiIl' }),
      )
      assert.equal(kept.status === 'rejected' && kept.reason instanceof Lookalike, true)
      const renamed = await racing(winning('namehill'), () => changeUser(beside.db, id, { name: 'NamehiIl' }))
      assert.equal(renamed.status === 'rejected' && renamed.reason instanceof Lookalike, true)
    })

    it('are given to one guest of a chat alone', async () => {
      const link = await ann.startChat()
      const holder = await site.pool.connect()
      await holder.query('begin')
      await holder.query('select 1 from chats c join links l on l.chat_id = c.id where l.uri = $1 for update of c', [
        link,
      ])
      const both = [enter(link, 'Lil Bell'), enter(link, 'LiI BeII', beside)]
      await waiting(site, 2)
      await holder.query('commit')
      holder.release()
      const outcomes = (await Promise.all(both)).map(({ joined }) => joined.outcome).sort()
      assert.deepEqual(outcomes, ['joined', 'lookalike'])
      assert.equal((await shown(link)).length, 2)
    })
  })

  function enter(link: string, name: string, at = site) {
    const session = { id_hash: keyHash(randomKey()), agent: '' }
    return joinAsGuest(at.db, link, { name, visit_hash: null, session, submission: null })
  }
})
