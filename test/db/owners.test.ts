import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { bansOf, liftBan } from '../../src/db/bans.js'
import { createChat, findChat, joinChat } from '../../src/db/chats.js'
import { deleteChat, deleteSomeRows } from '../../src/db/deleted-chats.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { becomeAccount } from '../../src/db/guests.js'
import { replaceLink } from '../../src/db/links.js'
import { leaveChat, membersOf, removeMember } from '../../src/db/members.js'
import { postMessages } from '../../src/db/messages.js'
import { type Done, handOver, heirsOf } from '../../src/db/owners.js'
import { createSession, endSession } from '../../src/db/sessions.js'
import { changeChat } from '../../src/db/settings.js'
import { createUser, settleUser, type User } from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'

describe('what a chat’s owner can do', () => {
  let site: Site
  let ann: User
  let bob: User
  let cyd: User
  let chat: { id: number; uri: string }
  let count = 0

  before(async () => {
    site = await openSite()
    ann = await newUser('ann')
    bob = await newUser('bob')
    cyd = await newUser('cyd')
  })
  after(() => site.close())
  beforeEach(async () => {
    chat = await newChat()
    await joinChat(site.db, chat.uri, bob.id)
    await joinChat(site.db, chat.uri, cyd.id)
  })

  const actions: Record<string, (actor: User) => Promise<Done>> = {
    'removing a member': actor => removeMember(site.db, as(actor), cyd.id, { bans: false }),
    'banning a member': actor => removeMember(site.db, as(actor), cyd.id, { bans: true }),
    'lifting a ban': actor => liftBan(site.db, as(actor), cyd.id),
    'handing over': actor => handOver(site.db, as(actor), cyd.id),
    'changing the chat': actor => changeChat(site.db, as(actor), { title: 'Mine now', read_only: true }),
    'replacing the link': actor => replaceLink(site.db, as(actor), { uri: randomKey(16), seconds: null }),
    'deleting the chat': actor => deleteChat(site.db, as(actor), 'Chat started by ann'),
  }
  for (const [what, act] of Object.entries(actions)) {
    it(`is refused to everybody else, and changes nothing: ${what}`, async () => {
      const stranger = await newUser()
      const gone = await newUser()
      await joinChat(site.db, chat.uri, gone.id)
      await leaveChat(site.db, as(gone))
      const before = await state()
      assert.deepEqual(await act(bob).then(bare), { outcome: 'not owner', version: null })
      assert.deepEqual(await act(stranger).then(bare), { outcome: 'stranger', version: null })
      assert.deepEqual(await act(gone).then(bare), { outcome: 'stranger', version: null })
      assert.deepEqual(await state(), before)
    })

    it(`is refused to an owner who handed the chat over at the same moment: ${what}`, async () => {
      const [handed, refused] = await oneAfterTheOther(
        () => handOver(site.db, as(ann), bob.id),
        () => act(ann),
      )
      assert.equal(handed.outcome, 'done')
      assert.equal(refused.outcome, 'not owner')
      assert.equal((await seen(bob))?.owner_id, bob.id)
    })

    it(`is refused in a chat that was deleted: ${what}`, async () => {
      await deleteChat(site.db, as(ann), 'Chat started by ann')
      assert.equal((await act(ann)).outcome, 'stranger')
    })
  }

  it('takes a member out, whose post at the same moment is stored before or not at all', async () => {
    const post = () =>
      postMessages(
        site.db,
        [{ uri: chat.uri, author_id: bob.id, text: 'still here?', key: null, reply_to: null, names: [] }],
        { wait: true },
      )
    const [removed, late] = await oneAfterTheOther(() => removeMember(site.db, as(ann), bob.id, { bans: false }), post)
    assert.equal(removed.outcome, 'done')
    assert.equal(late[0]?.outcome, 'stranger')
    assert.deepEqual((await events()).at(-1), { kind: 'removed', author_id: bob.id, text: null })
    assert.equal((await seen(bob))?.member_name, null)
    assert.equal((await seen(ann))?.member_count, 2)
    // Removed is not banned.
    assert.equal((await joinChat(site.db, chat.uri, bob.id)).outcome, 'joined')
  })

  it('removes each member once, and never the owner', async () => {
    const twice = await Promise.all([1, 2].map(() => removeMember(site.db, as(ann), bob.id, { bans: false })))
    assert.deepEqual(twice.map(({ outcome }) => outcome).sort(), ['absent', 'done'])
    assert.equal((await seen(ann))?.member_count, 2)
    assert.equal((await removeMember(site.db, as(ann), ann.id, { bans: true })).outcome, 'yourself')
    assert.equal((await removeMember(site.db, as(ann), (await newUser()).id, { bans: true })).outcome, 'absent')
  })

  it('bans for good: not by an old link, not by a new one, until the ban is lifted', async () => {
    await removeMember(site.db, as(ann), bob.id, { bans: true })
    assert.equal((await joinChat(site.db, chat.uri, bob.id)).outcome, 'banned')
    const uri = randomKey(16)
    await replaceLink(site.db, as(ann), { uri, seconds: null })
    assert.equal((await joinChat(site.db, uri, bob.id)).outcome, 'banned')
    assert.deepEqual(
      (await bansOf(site.db, chat.id, 10)).map(({ name }) => name),
      ['bob'],
    )
    assert.equal((await liftBan(site.db, as(ann), bob.id)).outcome, 'done')
    assert.equal((await liftBan(site.db, as(ann), bob.id)).outcome, 'absent')
    assert.equal((await joinChat(site.db, uri, bob.id)).outcome, 'joined')
  })

  it('bans who has gone already, without another word about it', async () => {
    await leaveChat(site.db, as(bob))
    const { version } = await removeMember(site.db, as(ann), bob.id, { bans: true })
    assert.equal(version, (await seen(ann))?.version)
    assert.equal((await events()).at(-1)?.kind, 'left')
    assert.equal((await joinChat(site.db, chat.uri, bob.id)).outcome, 'banned')
  })

  it('bans a guest by their browser too, under whatever name they come', async () => {
    const browser = keyHash(randomKey())
    const [first, again, other] = [
      await newGuest('visitor', browser),
      await newGuest('somebody else', browser),
      await newGuest('neighbour', keyHash(randomKey())),
    ]
    await joinChat(site.db, chat.uri, first)
    await removeMember(site.db, as(ann), first, { bans: true })
    assert.equal((await joinChat(site.db, chat.uri, again)).outcome, 'banned')
    assert.equal((await joinChat(site.db, chat.uri, other)).outcome, 'joined')
  })

  it('hands over to any member who is not gone, who is the first of the list from then on', async () => {
    const guest = await newGuest('visitor', keyHash(randomKey()))
    await joinChat(site.db, chat.uri, guest)
    assert.equal((await handOver(site.db, as(ann), guest)).outcome, 'guest')
    assert.deepEqual(await heirs(ann), ['bob', 'cyd'])
    await begin(guest)
    assert.deepEqual(await heirs(ann), ['bob', 'cyd', 'visitor'])
    assert.equal((await handOver(site.db, as(ann), guest)).outcome, 'done')
    assert.equal((await handOver(site.db, { chat_id: chat.id, user_id: guest }, ann.id)).outcome, 'done')
    assert.equal((await handOver(site.db, as(ann), (await newUser()).id)).outcome, 'absent')
    assert.equal((await handOver(site.db, as(ann), ann.id)).outcome, 'yourself')
    assert.equal((await handOver(site.db, as(ann), cyd.id)).outcome, 'done')
    assert.deepEqual((await events()).at(-1), { kind: 'owner', author_id: cyd.id, text: null })
    const list = await membersOf(site.db, chat.id, 10).execute()
    assert.deepEqual(
      list.map(({ name, owner }) => [name, owner]),
      [
        ['cyd', true],
        ['ann', false],
        ['bob', false],
        ['visitor', false],
      ],
    )
  })

  describe('whose owner is gone', () => {
    let gus: number
    beforeEach(async () => {
      gus = await newGuest('gus', keyHash(randomKey()))
      await begin(gus)
    })

    it('belongs to the account that joined first, also where a guest was there before', async () => {
      await removeMember(site.db, as(ann), bob.id, { bans: false })
      await removeMember(site.db, as(ann), cyd.id, { bans: false })
      await joinChat(site.db, chat.uri, gus)
      await joinChat(site.db, chat.uri, cyd.id)
      await joinChat(site.db, chat.uri, bob.id)
      const owner = await newGuest('olga', keyHash(randomKey()))
      await begin(owner)
      await joinChat(site.db, chat.uri, owner)
      await handOver(site.db, as(ann), owner)
      await leaveChat(site.db, as(ann))
      await leave(owner)
      assert.equal(await ownerId(), cyd.id)
      assert.deepEqual((await events()).at(-1), { kind: 'owner', author_id: cyd.id, text: null })
    })

    it('belongs to the guest with a session who joined first, where no account is there', async () => {
      chat = await newChat(gus)
      const gone = await newGuest('gone', keyHash(randomKey()))
      const [first, second] = [
        await newGuest('first', keyHash(randomKey())),
        await newGuest('second', keyHash(randomKey())),
      ]
      await begin(first)
      await begin(second)
      for (const id of [gone, first, second]) {
        await joinChat(site.db, chat.uri, id)
      }
      await leave(gus)
      assert.equal(await ownerId(), first)
      await leave(first)
      assert.equal(await ownerId(), second)
    })

    it('belongs to whoever comes next, where nobody fits; people go on talking meanwhile', async () => {
      chat = await newChat(gus)
      const gone = await newGuest('gone', keyHash(randomKey()))
      await joinChat(site.db, chat.uri, gone)
      await leave(gus)
      assert.equal(await ownerId(), gus)
      const [posted] = await postMessages(
        site.db,
        [{ uri: chat.uri, author_id: gone, text: 'anybody?', key: null, reply_to: null, names: [] }],
        { wait: true },
      )
      assert.equal(posted?.outcome, 'posted')
      const joined = await joinChat(site.db, chat.uri, bob.id)
      assert.equal(await ownerId(), bob.id)
      assert.equal(joined.version, (await events()).length)
      assert.deepEqual(
        (await events()).slice(-2).map(({ kind, author_id }) => [kind, author_id]),
        [
          ['joined', bob.id],
          ['owner', bob.id],
        ],
      )
      await joinChat(site.db, chat.uri, ann.id)
      assert.equal(await ownerId(), bob.id)
    })

    it('passes on when the session has expired, and not before', async () => {
      chat = await newChat(gus)
      await joinChat(site.db, chat.uri, bob.id)
      await site.pool.query(
        `update sessions set last_used_at = now() - interval '29 days', created_at = now() - interval '400 days'`,
      )
      await deleteExpired(site.db)
      assert.equal(await ownerId(), gus, 'a guest’s session is never too old')
      await site.pool.query(`update sessions set last_used_at = now() - interval '31 days'`)
      await deleteExpired(site.db)
      assert.equal(await ownerId(), bob.id)
    })

    it('stays where the guest has another session', async () => {
      chat = await newChat(gus)
      await joinChat(site.db, chat.uri, bob.id)
      const second = await begin(gus)
      await endSession(site.db, second)
      await settleUser(site.db, gus, () => {})
      assert.equal(await ownerId(), gus)
    })

    it('passes on to one alone, where the first of them goes at the same moment', async () => {
      chat = await newChat(gus)
      const [first, second] = [
        await newGuest('first', keyHash(randomKey())),
        await newGuest('second', keyHash(randomKey())),
      ]
      await begin(first)
      await begin(second)
      await joinChat(site.db, chat.uri, first)
      await joinChat(site.db, chat.uri, second)
      await oneAfterTheOther(
        () => leave(gus),
        () => leave(first),
      )
      assert.equal(await ownerId(), second)
      await leave(second)
      const came = await oneAfterTheOther(
        () => joinChat(site.db, chat.uri, bob.id),
        () => joinChat(site.db, chat.uri, cyd.id),
      )
      assert.deepEqual(
        came.map(({ outcome }) => outcome),
        ['joined', 'joined'],
      )
      const newest = (await events()).filter(({ kind }) => kind === 'owner').at(-1)
      assert.equal(await ownerId(), newest?.author_id)
      assert.ok([bob.id, cyd.id].includes(await ownerId()))
    })

    it('belongs to the account that the guest signs in to, which takes their place', async () => {
      chat = await newChat(gus)
      await joinChat(site.db, chat.uri, bob.id)
      const other = await newChat()
      await joinChat(site.db, other.uri, gus)
      await joinChat(site.db, other.uri, cyd.id)
      await removeMember(site.db, { chat_id: other.id, user_id: ann.id }, cyd.id, { bans: true })
      await becomeAccount(site.db, gus, cyd.id)
      await settleUser(site.db, gus, () => {})
      assert.equal(await ownerId(), cyd.id)
      const names = async ({ id }: { id: number }) =>
        (await membersOf(site.db, id, 10).execute()).map(({ name }) => name).sort()
      assert.deepEqual(await names(chat), ['bob', 'cyd'])
      assert.deepEqual(await names(other), ['ann'], 'who is banned does not come in by it')
    })

    async function leave(id: number) {
      const { rows } = await site.pool.query('select id_hash from sessions where user_id = $1', [id])
      for (const { id_hash } of rows) {
        await endSession(site.db, id_hash)
      }
      await settleUser(site.db, id, () => {})
    }
  })

  it('hands over to nobody who leaves at the same moment, and to one of two alone', async () => {
    const [left, handed] = await oneAfterTheOther(
      () => leaveChat(site.db, as(bob)),
      () => handOver(site.db, as(ann), bob.id),
    )
    assert.deepEqual([left.outcome, handed.outcome], ['left', 'absent'])
    await joinChat(site.db, chat.uri, bob.id)
    const both = await Promise.all([handOver(site.db, as(ann), bob.id), handOver(site.db, as(ann), cyd.id)])
    assert.deepEqual(both.map(({ outcome }) => outcome).sort(), ['done', 'not owner'])
  })

  it('lets the owner leave when they are alone and can come back, and nobody be left without an owner', async () => {
    assert.equal((await leaveChat(site.db, as(ann))).outcome, 'owner')
    await leaveChat(site.db, as(bob))
    const [joined, refused] = await oneAfterTheOther(
      async () => {
        await leaveChat(site.db, as(cyd))
        return joinChat(site.db, chat.uri, bob.id)
      },
      () => leaveChat(site.db, as(ann)),
    )
    // Whichever came first, nobody is there without the owner.
    assert.equal(joined.outcome, 'joined')
    assert.ok(['owner', 'left'].includes(refused.outcome))
    chat = await newChat()
    await changeChat(site.db, as(ann), { joins_closed: true })
    assert.equal((await leaveChat(site.db, as(ann))).outcome, 'owner')
    await changeChat(site.db, as(ann), { joins_closed: false })
    await site.pool.query(`update links set expires_at = now() where chat_id = $1`, [chat.id])
    assert.equal((await leaveChat(site.db, as(ann))).outcome, 'owner')
    await replaceLink(site.db, as(ann), { uri: randomKey(16), seconds: 3600 })
    assert.equal((await leaveChat(site.db, as(ann))).outcome, 'left')
  })

  it('changes only what is named, and says what changed', async () => {
    const said = async () => (await events()).slice(-2).map(({ kind, text }) => [kind, text])
    await changeChat(site.db, as(ann), { title: 'Plans', read_only: true })
    assert.deepEqual(await said(), [
      ['renamed', 'Plans'],
      ['changed', null],
    ])
    const before = await state()
    const { version } = await changeChat(site.db, as(ann), { title: 'Plans', read_only: true, guests: true })
    assert.equal(version, before.version)
    assert.deepEqual(await state(), before)
    await changeChat(site.db, as(ann), { title: '' })
    assert.deepEqual((await events()).at(-1), { kind: 'changed', author_id: ann.id, text: null })
    const now = await seen(ann)
    assert.equal(now?.title, null)
    assert.ok(now?.read_only_at)
    await changeChat(site.db, as(ann), { read_only: false, joins_closed: true, guests: false })
    assert.equal((await joinChat(site.db, chat.uri, (await newUser()).id)).outcome, 'closed')
    await changeChat(site.db, as(ann), { joins_closed: false })
    assert.equal(
      (await joinChat(site.db, chat.uri, await newGuest('visitor', keyHash(randomKey())))).outcome,
      'no guests',
    )
  })

  it('replaces the link: one is current, whoever replaces it at the same moment', async () => {
    const uris = Array.from({ length: 4 }, () => randomKey(16))
    const done = await Promise.all(uris.map(uri => replaceLink(site.db, as(ann), { uri, seconds: 60 })))
    assert.deepEqual(new Set(done.map(({ outcome }) => outcome)), new Set(['done']))
    const { rows } = await site.pool.query(
      'select uri, expires_at > now() as alive from links where chat_id = $1 and replaced_at is null',
      [chat.id],
    )
    assert.equal(rows.length, 1)
    assert.equal(rows[0].alive, true)
    assert.equal((await seen(bob))?.current_uri, rows[0].uri)
    assert.equal(await findChat(site.db, chat.uri, undefined), undefined)
    assert.equal((await joinChat(site.db, chat.uri, (await newUser()).id)).outcome, 'stranger')
    assert.equal((await joinChat(site.db, rows[0].uri, (await newUser()).id)).outcome, 'joined')
  })

  it('deletes the chat for everybody, where its name is typed as it is shown', async () => {
    assert.equal((await deleteChat(site.db, as(ann), 'chat started by ann')).outcome, 'misnamed')
    await changeChat(site.db, as(ann), { title: 'Cafe\u0301  <b>' })
    assert.equal((await deleteChat(site.db, as(ann), 'Chat started by ann')).outcome, 'misnamed')
    const [deleted, late] = await oneAfterTheOther(
      () => deleteChat(site.db, as(ann), ' Caf\u00e9 <b>'),
      () =>
        postMessages(
          site.db,
          [{ uri: chat.uri, author_id: bob.id, text: 'late', key: null, reply_to: null, names: [] }],
          { wait: true },
        ),
    )
    assert.equal(deleted.outcome, 'done')
    assert.equal(late[0]?.outcome, 'stranger')
    assert.equal(await seen(ann), undefined)
    assert.equal((await joinChat(site.db, chat.uri, bob.id)).outcome, 'stranger')
  })

  it('leaves nothing of a deleted chat in the end, in batches, and all of every other', async () => {
    await deleteExpired(site.db)
    const kept = chat
    await post('kept')
    chat = await newChat()
    await joinChat(site.db, chat.uri, bob.id)
    for (let n = 0; n < 7; n++) {
      await post(`text ${n}`)
    }
    await site.pool.query(
      `insert into reactions (chat_id, version, user_id, emoji) select chat_id, version, $2, '👍' from events where chat_id = $1`,
      [chat.id, bob.id],
    )
    await removeMember(site.db, as(ann), bob.id, { bans: true })
    await deleteChat(site.db, as(ann), 'Chat started by ann')
    const before = await rowsOf(chat.id)
    assert.ok((before.events ?? 0) >= 10)
    assert.equal(await deleteSomeRows(site.db, 4), true)
    assert.equal((await rowsOf(chat.id)).events, (before.events ?? 0) - 4)
    await deleteExpired(site.db)
    assert.deepEqual(Object.values(await rowsOf(chat.id)), [0, 0, 0, 0, 0, 0])
    assert.equal(await deleteSomeRows(site.db, 4), false)
    assert.equal((await rowsOf(kept.id)).chats, 1)
    assert.ok(((await rowsOf(kept.id)).events ?? 0) >= 4)
  })

  function as({ id }: User) {
    return { chat_id: chat.id, user_id: id }
  }

  const bare = ({ outcome, version }: Done): Done => ({ outcome, version })

  function seen(user: User) {
    return findChat(site.db, chat.uri, user.id)
  }

  async function newUser(name?: string): Promise<User> {
    const username = name ?? `somebody${++count}`
    const user = await createUser(site.db, { username, email: '', password_hash: 'none' })
    assert.ok(user)
    return user
  }

  async function newGuest(name: string, visit_hash: Buffer): Promise<number> {
    const { id } = await site.db
      .insertInto('users')
      .values({ kind: 'guest', username: name, name, folded_name: name, visit_hash })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  }

  async function newChat(owner_id = ann.id) {
    const uri = randomKey(16)
    return { id: await createChat(site.db, { owner_id, uri, title: null }), uri }
  }

  /** Begins a session of the guest, and returns its hash. */
  async function begin(id: number): Promise<Buffer> {
    const hash = keyHash(randomKey())
    await createSession(site.db, hash, { id, password_hash: null }, '')
    return hash
  }

  async function ownerId(): Promise<number> {
    const { rows } = await site.pool.query('select owner_id from chats where id = $1', [chat.id])
    return Number(rows[0].owner_id)
  }

  async function heirs(user: User) {
    return (await heirsOf(site.db, as(user), 10)).map(({ name }) => name)
  }

  function post(text: string) {
    return postMessages(site.db, [{ uri: chat.uri, author_id: ann.id, text, key: null, reply_to: null, names: [] }], {
      wait: true,
    })
  }

  async function events() {
    return site.db
      .selectFrom('events')
      .select(['kind', 'author_id', 'text'])
      .where('chat_id', '=', chat.id)
      .orderBy('version')
      .execute()
  }

  /** All that is kept of the chat but its messages. */
  async function state() {
    const found = await seen(ann)
    const bans = await bansOf(site.db, chat.id, 10)
    return { ...found, bans, events: await events() }
  }

  async function rowsOf(chat_id: number): Promise<Record<string, number>> {
    const { rows } = await sql<Record<string, number>>`
      select ${sql.join(
        ['events', 'reactions', 'members', 'bans', 'links'].map(
          table => sql`(select count(*)::int from ${sql.table(table)} where chat_id = ${chat_id}) as ${sql.id(table)}`,
        ),
      )}, (select count(*)::int from chats where id = ${chat_id}) as chats`.execute(site.db)
    return rows[0] ?? {}
  }

  /** Both at the same moment, while somebody holds the chat; the first one asks first. */
  async function oneAfterTheOther<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
    const holder = await site.pool.connect()
    try {
      await holder.query('begin')
      await holder.query('select 1 from chats where id = $1 for no key update', [chat.id])
      const begun = first()
      await waiting(1)
      const followed = second()
      await waiting(2)
      await holder.query('commit')
      return await Promise.all([begun, followed])
    } finally {
      holder.release(true)
    }
  }

  async function waiting(many: number) {
    await until(async () => {
      const { rows } = await site.pool.query(
        `select count(*)::int as many from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows[0].many >= many
    })
  }
})
