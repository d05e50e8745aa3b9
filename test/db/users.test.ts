import assert from 'node:assert/strict'
import { createChat, joinChat } from '../../src/db/chats.js'
import { eventsAfter } from '../../src/db/events.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { createReset, findReset, useReset } from '../../src/db/resets.js'
import { createSession, endSession, endSessionOf, sessionsOf } from '../../src/db/sessions.js'
import { createToken, revokeToken, tokensOf } from '../../src/db/tokens.js'
import {
  changePassword,
  changeUser,
  createUser,
  deleteUser,
  findUser,
  keepGuest,
  settleUser,
  type User,
} from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { foldUsername } from '../../src/text/names.js'
import { skeleton } from '../../src/text/skeleton.js'
import { holdUser, letGo, waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'

describe('users and the chats that they are in', () => {
  let site: Site
  let count = 0

  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('show a new name in every chat, which moves on by one event; an unchanged one moves nothing', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    const chats = [await newChat(bob, ann), await newChat(ann)]
    const name = unique('Anna')
    const moved = await rename(ann, name)
    assert.deepEqual([...moved.keys()].sort(byNumber), chats.map(({ id }) => id).sort(byNumber))
    for (const { id } of chats) {
      const [event] = (await events(id)).slice(-1)
      assert.equal(event?.kind, 'named')
      assert.equal(event?.version, moved.get(id))
      assert.equal(event?.author_name, name)
      assert.equal(await shownName(id, ann.id), name)
    }
    assert.equal((await rename(ann, name)).size, 0)
  })

  it('show a number behind the name where an account of the chat has it, and not where nobody has', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    const together = await newChat(ann, bob)
    const apart = await newChat(bob)
    const name = unique('Same')
    await rename(ann, name)
    await rename(bob, name.toUpperCase())
    assert.equal(await shownName(together.id, bob.id), `${name.toUpperCase()} (2)`)
    assert.equal(await shownName(apart.id, bob.id), name.toUpperCase())
    await rename(ann, unique('Other'))
    await settle(bob)
    assert.equal(await shownName(together.id, bob.id), name.toUpperCase(), 'once it is free')
  })

  it('have no guest under the name of an account: the guest gives way, whoever came first', async () => {
    const ann = await newUser('Ann')
    const name = unique('Gus')
    const guest = await newGuest(name)
    const chat = await newChat(ann, guest)
    assert.equal(await shownName(chat.id, guest.id), name)
    await rename(ann, name)
    assert.equal(await shownName(chat.id, ann.id), name)
    assert.equal(await shownName(chat.id, guest.id), `${name} (guest)`)
    await rename(guest, unique('Else'))
    await rename(guest, name)
    assert.equal(await shownName(chat.id, guest.id), `${name} (guest)`)
  })

  it('cannot take another account’s username as a name, deleted ones included, and may take their own', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    const username = bob.username
    assert.equal(await changeUser(site.db, ann.id, { name: username.toUpperCase() }), false)
    await deleteUser(site.db, { id: bob.id, password_hash: 'x' })
    assert.equal(await changeUser(site.db, ann.id, { name: username }), false)
    assert.equal(await changeUser(site.db, ann.id, { name: ann.username.toUpperCase() }), true)
  })

  it('keep their chats as an account that was a guest: the mark goes, in every chat', async () => {
    const ann = await newUser('Ann')
    const guest = await newGuest(unique('Gus'))
    const chats = [await newChat(ann, guest), await newChat(ann, guest)]
    const username = unique('gus')
    assert.equal(await keepGuest(site.db, guest.id, { username: ann.username, email: '', password_hash: 'x' }), 'taken')
    const kept = await keepGuest(site.db, guest.id, { username, email: '', password_hash: 'x' })
    assert.deepEqual(kept, { ...guest, kind: 'account', username })
    assert.equal(
      await keepGuest(site.db, guest.id, { username: unique('z'), email: '', password_hash: 'x' }),
      'no guest',
    )
    await settle(guest)
    for (const { id } of chats) {
      const [event] = (await events(id)).slice(-1)
      assert.deepEqual(
        [event?.kind, event?.author_name, event?.author_username, event?.author_kind],
        ['named', guest.name, username, 'account'],
      )
    }
    assert.equal((await findUser(site.db, username))?.id, guest.id)
  })

  it('lose a name that is an account’s username when they keep theirs: an account is not marked', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    const guest = await newGuest(ann.username.toUpperCase())
    const chat = await newChat(bob, guest)
    assert.equal(await shownName(chat.id, guest.id), ann.username.toUpperCase(), 'as a guest, marked')
    const username = unique('gus')
    const kept = await keepGuest(site.db, guest.id, { username, email: '', password_hash: 'x' })
    assert.equal(typeof kept === 'object' && kept.name, username)
    await settle(guest)
    assert.equal(await shownName(chat.id, guest.id), username)
    const alike = await newGuest(`${ann.username}I`)
    await newUser(`${ann.username}l`, false)
    const other = await keepGuest(site.db, alike.id, { username: unique('alike'), email: '', password_hash: 'x' })
    assert.notEqual(typeof other === 'object' && other.name, alike.name, 'nor one that looks like it')
    const own = await newGuest(unique('Own'))
    const same = await keepGuest(site.db, own.id, { username: own.name.toLowerCase(), email: '', password_hash: 'x' })
    assert.equal(typeof same === 'object' && same.name, own.name, 'it may be their own')
  })

  it('have no reset link any more once they have changed their password', async () => {
    const ann = await newUser('Ann')
    const key = keyHash(randomKey())
    await createReset(site.db, ann.id, key)
    await changePassword(site.db, { id: ann.id, password_hash: 'x' }, 'y')
    assert.equal(await findReset(site.db, key), undefined)
    assert.equal(await useReset(site.db, key, 'z'), false)
  })

  it('can change their password or be deleted while their sessions and tokens end: all wait for the user first', async () => {
    const changes = {
      password: (id: number) => changePassword(site.db, { id, password_hash: 'x' }, 'y'),
      deletion: (id: number) => deleteUser(site.db, { id, password_hash: 'x' }),
    }
    const endings = {
      session: (_id: number, key: Buffer) => endSession(site.db, key),
      'session elsewhere': async (id: number) => {
        const [session] = await sessionsOf(site.db, id)
        return endSessionOf(site.db, id, session?.id ?? 0)
      },
      token: async (id: number) => {
        const [token] = await tokensOf(site.db, id)
        return revokeToken(site.db, id, token?.id ?? 0)
      },
    }
    for (const [change, begin] of Object.entries(changes)) {
      for (const [ending, end] of Object.entries(endings)) {
        const ann = await newUser('Ann')
        const key = keyHash(randomKey())
        await createSession(site.db, key, { id: ann.id, password_hash: 'x' }, '')
        await createToken(site.db, { id: ann.id, password_hash: 'x' }, { key_hash: keyHash(randomKey()) })
        const holder = await holdUser(site, ann.id)
        const both: Promise<unknown>[] = [begin(ann.id)]
        await waiting(site, 1)
        both.push(end(ann.id, key))
        await waiting(site, 2)
        await letGo(holder)
        const done = await Promise.allSettled(both)
        assert.deepEqual(
          done.map(({ status }) => status),
          ['fulfilled', 'fulfilled'],
          `${change}, ${ending}`,
        )
      }
    }
  })

  it('leave no trace of their username but its hash, and nobody gets it, not even while they are being deleted', async () => {
    const ann = await newUser('Ann')
    const client = await site.pool.connect()
    await client.query('begin')
    await client.query(
      `update users set folded_username = 'sha256:' || encode(sha256(convert_to(folded_username, 'UTF8')), 'hex') where id = $1`,
      [ann.id],
    )
    const taking = createUser(site.db, { username: ann.username.toUpperCase(), email: '', password_hash: 'x' })
    await waiting(site, 1)
    await client.query('commit')
    client.release()
    assert.equal(await taking, undefined)
    const bob = await newUser('Bob')
    assert.equal(await deleteUser(site.db, { id: bob.id, password_hash: 'x' }), true)
    const { rows } = await site.pool.query('select u.*::text as row from users u where id = $1', [bob.id])
    assert.ok(!rows[0].row.toLowerCase().includes(bob.username.toLowerCase()))
    assert.equal(await createUser(site.db, { username: bob.username, email: '', password_hash: 'x' }), undefined)
    assert.equal(await changeUser(site.db, (await newUser('Carl')).id, { name: bob.username }), false)
  })

  it('leave all chats when they are deleted, those that they had left too, under a name that says nothing', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    const now = await newChat(bob, ann)
    const once = await newChat(bob, ann)
    await leave(once.id, ann.id)
    await site.db
      .insertInto('bans')
      .values({ chat_id: once.id, user_id: ann.id, name: ann.name, visit_hash: null })
      .execute()
    assert.equal(await deleteUser(site.db, { id: ann.id, password_hash: 'x' }), true)
    assert.equal(await deleteUser(site.db, { id: ann.id, password_hash: 'x' }), false)
    await settle(ann)
    assert.deepEqual((await events(now.id)).slice(-1).map(kindAndName), [['left', 'deleted user', 'deleted user']])
    assert.deepEqual((await events(once.id)).slice(-1).map(kindAndName), [['named', 'deleted user', 'deleted user']])
    assert.equal(await memberCount(now.id), 1)
    assert.equal(await memberCount(once.id), 1)
    const { rows } = await site.pool.query(
      `select count(*)::int as count from (
         select to_jsonb(u) - 'folded_username' as row from users u union all select to_jsonb(m) from members m
         union all select to_jsonb(b) from bans b union all select to_jsonb(e) from events e) all_of_them
       where row::text ilike '%' || $1 || '%'`,
      [ann.username],
    )
    assert.equal(rows[0].count, 0, 'their name is in no row but what reserves it')
    assert.equal(
      await createUser(site.db, { username: ann.username.toUpperCase(), email: '', password_hash: 'x' }),
      undefined,
    )
    assert.equal(await findUser(site.db, ann.username), undefined)
    const before = (await events(once.id)).length
    await settle(ann)
    assert.equal((await events(once.id)).length, before, 'once is enough')
  })

  it('hand their chats to the account that was there longest, or leave them as they are', async () => {
    const ann = await newUser('Ann')
    const guest = await newGuest(unique('Gus'))
    const [second, third] = [await newUser('Bob'), await newUser('Cyd')]
    const shared = await newChat(ann, guest, second, third)
    const lonely = await newChat(ann)
    const guests = await newChat(ann, guest)
    await deleteUser(site.db, { id: ann.id, password_hash: 'x' })
    await settle(ann)
    assert.equal(await ownerOf(shared.id), second.id)
    assert.deepEqual(
      (await events(shared.id)).slice(-2).map(({ kind, author_id }) => [kind, author_id]),
      [
        ['left', ann.id],
        ['owner', second.id],
      ],
    )
    assert.equal(await ownerOf(lonely.id), ann.id)
    assert.equal(await ownerOf(guests.id), ann.id)
    assert.equal(await memberCount(guests.id), 1)
  })

  it('are not in a chat under their old name, whatever they join while they are renamed or deleted', async () => {
    for (let round = 0; round < 10; round++) {
      const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
      const chats = await Promise.all(Array.from({ length: 6 }, () => newChat(bob)))
      const name = unique('New')
      const isDeleted = round % 2 === 0
      await Promise.all([
        ...chats.map(({ uri }) => joinChat(site.db, uri, ann.id)),
        (isDeleted
          ? deleteUser(site.db, { id: ann.id, password_hash: 'x' })
          : changeUser(site.db, ann.id, { name })
        ).then(() => settle(ann)),
      ])
      const rows = await site.db.selectFrom('members').selectAll().where('user_id', '=', ann.id).execute()
      for (const row of rows) {
        assert.equal(row.name, isDeleted ? 'deleted user' : name)
        assert.equal(row.left_at !== null, isDeleted)
      }
      for (const { id } of chats) {
        const { rows } = await site.pool.query(
          'select member_count, (select count(*)::int from members m where m.chat_id = c.id and left_at is null) as members from chats c where id = $1',
          [id],
        )
        assert.equal(rows[0].member_count, rows[0].members)
      }
    }
  })

  it('go on with what a program has left undone, once an hour', async () => {
    const ann = await newUser('Ann')
    const chat = await newChat(ann)
    await changeUser(site.db, ann.id, { name: unique('Anna') })
    const name = await shownName(chat.id, ann.id)
    await deleteExpired(site.db)
    assert.notEqual(await shownName(chat.id, ann.id), name)
    const version = (await events(chat.id)).length
    await deleteExpired(site.db)
    assert.equal((await events(chat.id)).length, version)
    assert.equal((await site.db.selectFrom('users').select('id').where('unsettled', '=', true).execute()).length, 0)
  })

  it('may be in thousands of chats: each of many parts holds some for a moment @long', async () => {
    const [ann, bob] = [await newUser('Ann'), await newUser('Bob')]
    await site.pool.query(
      `with more as (insert into chats (owner_id, version, last_shown, member_count) select $2, 2, 2, 2 from generate_series(1, 3000) returning id),
       there as (
         insert into members (chat_id, user_id, name, folded_name)
         select m.id, u.id, u.name, u.folded_name from more m, users u where u.id in ($1, $2) returning chat_id, user_id
       )
       insert into events (chat_id, version, kind, author_id)
       select chat_id, case when user_id = $1 then 1 else 2 end, 'joined', user_id from there`,
      [ann.id, bob.id],
    )
    const name = unique('Many')
    assert.equal((await rename(ann, name)).size, 3000)
    const { rows: named } = await site.pool.query('select 1 from members where user_id = $1 and name = $2', [
      ann.id,
      name,
    ])
    assert.equal(named.length, 3000)
    await deleteUser(site.db, { id: bob.id, password_hash: 'x' })
    assert.equal((await settle(bob)).size, 3000)
    const { rows } = await site.pool.query('select 1 from chats where owner_id = $1', [ann.id])
    assert.equal(rows.length, 3000)
  })

  function unique(name: string) {
    return `${name}${++count}x`
  }

  async function newUser(name: string, isMadeUnique = true): Promise<User> {
    const username = isMadeUnique ? unique(name) : name
    const user = await createUser(site.db, { username, email: 'a@example.org', password_hash: 'x' })
    assert.ok(user)
    return user
  }

  async function newGuest(name: string): Promise<User> {
    return site.db
      .insertInto('users')
      .values({ kind: 'guest', username: name, name, folded_name: foldUsername(name), skeleton: skeleton(name) })
      .returning(['id', 'kind', 'username', 'name', 'email'])
      .executeTakeFirstOrThrow()
  }

  async function newChat(owner: User, ...others: User[]) {
    const uri = randomKey(16)
    const id = await createChat(site.db, { owner_id: owner.id, uri, title: null })
    for (const { id } of others) {
      assert.equal((await joinChat(site.db, uri, id)).outcome, 'joined')
    }
    return { id, uri }
  }

  async function leave(chat_id: number, user_id: number) {
    await site.pool.query('update members set left_at = now() where chat_id = $1 and user_id = $2', [chat_id, user_id])
    await site.pool.query('update chats set member_count = member_count - 1 where id = $1', [chat_id])
    await site.pool.query("select append_event($1, 'left', $2, null, null)", [chat_id, user_id])
  }

  async function settle(user: User) {
    const moved = new Map<number, number>()
    await settleUser(site.db, user.id, (chat_id, version) => moved.set(chat_id, version))
    return moved
  }

  async function rename(user: User, name: string) {
    assert.equal(await changeUser(site.db, user.id, { name }), true)
    return settle(user)
  }

  function events(chat_id: number) {
    return eventsAfter(site.db, chat_id, 0, 1000)
  }

  async function shownName(chat_id: number, user_id: number) {
    const row = await site.db
      .selectFrom('members')
      .select('name')
      .where('chat_id', '=', chat_id)
      .where('user_id', '=', user_id)
      .executeTakeFirst()
    return row?.name
  }

  async function memberCount(chat_id: number) {
    return (
      await site.db.selectFrom('chats').select('member_count').where('id', '=', chat_id).executeTakeFirstOrThrow()
    ).member_count
  }

  async function ownerOf(chat_id: number) {
    return (await site.db.selectFrom('chats').select('owner_id').where('id', '=', chat_id).executeTakeFirstOrThrow())
      .owner_id
  }
})

function kindAndName({
  kind,
  author_name,
  author_username,
}: {
  kind: string
  author_name: string
  author_username: string
}) {
  return [kind, author_name, author_username]
}

function byNumber(a: number, b: number) {
  return a - b
}
