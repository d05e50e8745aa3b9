import assert from 'node:assert/strict'
import { joinChat } from '../../src/db/chats.js'
import { deleteSomeRows } from '../../src/db/deleted-chats.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { changeUser, createUser, keepGuest } from '../../src/db/users.js'
import { guest } from '../support/guests.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { allStatementsOf, type Statement, statementsOf } from '../support/statements.js'
import { cutStreams, openEvents } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

/** A page of events, each with the one before it, and a few to say that there is more. */
const MOST_ROWS = 250

/** What each kind of request may ask of the database; the same with 10 and with 100,000 messages. */
describe('SQL statements', () => {
  let site: Site
  let ann: Visitor
  let program: Program
  let small: string
  let large: string

  before(async () => {
    site = await openSite()
    // What an operator's database looks like before anything has analysed it: grown from empty, without statistics.
    for (const table of ['users', 'sessions', 'tokens', 'chats', 'links', 'members', 'events']) {
      await site.pool.query(`alter table ${table} set (autovacuum_enabled = false)`)
    }
    ann = await new Visitor(site).signUp('ann')
    program = await signUpProgram(site, 'prog')
    small = await ann.startChat()
    large = await ann.startChat()
    await site.pool.query(`
      insert into users (username, folded_username, name, folded_name, password_hash)
        select 'filler' || n, 'filler' || n, 'filler' || n, 'filler' || n, 'none' from generate_series(1, 3000) n;
      insert into sessions (id_hash, user_id) select sha256(username::bytea), id from users;
      insert into tokens (key_hash, user_id) select sha256(username::bytea), id from users;
      with more as (insert into chats (owner_id) select id from users returning id)
        insert into links (uri, chat_id) select 'filler-uri-0123456789-' || id, id from more;
      insert into members (chat_id, user_id, name, folded_name)
        select c.id, c.owner_id, u.username, u.folded_username
        from chats c join users u on u.id = c.owner_id on conflict do nothing`)
    for (const uri of [small, large]) {
      await program.join(uri)
    }
    await grow(small, 10)
    await grow(large, 100_000)
  })
  after(() => site.close())

  const requests: [string, number, (uri: string) => Promise<{ status: number }>, number][] = [
    ['an idle poll', 2, async uri => ann.htmx('GET', `/chats/${uri}/messages?after=${await version(uri)}`), 204],
    [
      'a poll with news',
      3,
      async uri => ann.htmx('GET', `/chats/${uri}/messages?after=${(await version(uri)) - 5}`),
      200,
    ],
    [
      'an idle poll of the API',
      2,
      async uri => program.call('GET', `/api/chats/${uri}/messages/?after=${await version(uri)}`),
      200,
    ],
    ['a poll with news of the API', 3, async uri => program.call('GET', `/api/chats/${uri}/messages/?after=3`), 200],
    ['the newest messages by the API', 3, uri => program.call('GET', `/api/chats/${uri}/messages/`), 200],
    [
      'a post by htmx',
      3,
      async uri => ann.htmx('POST', `/chats/${uri}/messages`, { message: 'x', after: String(await version(uri)) }),
      201,
    ],
    ['a post by a form', 2, uri => ann.post(`/chats/${uri}/messages`, { message: 'x' }), 303],
    ['a post by the API', 2, uri => program.post(uri, 'x'), 201],
    ['a page with 50 messages', 3, uri => ann.get(`/chats/${uri}`), 200],
    ['a page of older messages', 3, uri => ann.get(`/chats/${uri}?before=9`), 200],
    ['older messages by htmx', 3, uri => ann.htmx('GET', `/chats/${uri}/messages?before=9`), 200],
    ['a message with its context', 3, uri => ann.get(`/chats/${uri}/messages/9`), 200],
    ['what can be done to a message', 2, uri => ann.htmx('GET', `/chats/${uri}/messages/9`), 200],
    [
      'an edit by htmx',
      3,
      async uri =>
        ann.htmx('POST', `/chats/${uri}/messages/9`, {
          message: `${Math.random()}`,
          after: String(await version(uri)),
        }),
      200,
    ],
    ['an edit by the API', 3, uri => program.call('PATCH', `/api/chats/${uri}/messages/9`, { message: 'x' }), 403],
    ['a reaction by a form', 3, uri => ann.post(`/chats/${uri}/messages/8/reactions`, { emoji: '🎉' }), 303],
    ['a page that begins with a message', 3, uri => ann.get(`/chats/${uri}?from=5`), 200],
    ['what one has read', 2, uri => ann.htmx('POST', `/chats/${uri}/read`, { version: '5' }), 204],
    ['a chat by the API', 3, uri => program.call('GET', `/api/chats/${uri}/`), 200],
    ['the start page', 2, () => ann.get('/'), 200],
    ['the members', 3, uri => ann.get(`/chats/${uri}/members`), 200],
    ['the members after some', 3, uri => ann.get(`/chats/${uri}/members?after=1-1`), 200],
    ['the header', 2, uri => ann.htmx('GET', `/chats/${uri}/header`), 200],
    ['the members in the header', 3, uri => ann.htmx('GET', `/chats/${uri}/members`), 200],
    ['the owner’s page', 3, uri => ann.get(`/chats/${uri}/settings`), 200],
    ['who is banned', 3, uri => ann.get(`/chats/${uri}/bans`), 200],
    ['a change of settings', 3, uri => ann.post(`/chats/${uri}/settings`, { title: `T${++count}` }), 303],
  ]

  for (const [name, most, request, status] of requests) {
    it(`${name}: at most ${most}, each by an index`, async () => {
      const counts: number[] = []
      for (const uri of [small, large]) {
        let answer = { status: 0 }
        const cursor = await version(uri)
        const statements = await statementsOf(async () => {
          knownVersion = cursor
          answer = await request(uri)
          knownVersion = undefined
        })
        assert.equal(answer.status, status)
        assert.ok(statements.length <= most, statements.map(({ text }) => text).join('\n---\n'))
        // A page asks for its chat only where what memory has of it is not fresh.
        counts.push(statements.filter(({ text }) => !/^select "chats"\."id"/.test(text)).length)
        await assertIndexes(statements)
      }
      assert.equal(counts[0], counts[1], 'the same number with 10 and with 100,000 messages')
    })
  }

  it('what reads and writes messages names its chat wherever it looks for events and members', async () => {
    const named = new Set<string>()
    for (const [name, , request] of requests.filter(([name]) =>
      /poll|post|a page with|a page of|older|newest|message|edit|read/.test(name),
    )) {
      const statements = await statementsOf(() => request(large))
      for (const plan of await plansOf(statements)) {
        // A step of a plan, with its conditions in the lines below it.
        for (const [step, table = ''] of plan.matchAll(
          /Index (?:Only )?Scan (?:Backward )?using \S+ on (?:public\.)?(events|members|mentions)\b[^\n]*(?:\n(?!.*->).*)*/g,
        )) {
          assert.match(step, /Index Cond: .*\bchat_id = /, `${name}:\n${step}`)
          named.add(table)
        }
      }
    }
    assert.ok(named.has('events') && named.has('members'), [...named].join())
  })

  it('a page for somebody who joins by it: at most 5, each by an index', async () => {
    for (const [n, uri] of [small, large].entries()) {
      const visitor = await new Visitor(site).signUp(`visitor${n}`)
      const statements = await statementsOf(() => visitor.get(`/chats/${uri}`))
      assert.ok(statements.length <= 5, `${statements.length}`)
      await assertIndexes(statements)
    }
  })

  it('a name that is taken by signing up, by renaming in a chat of 2,000, or by keeping an account: each by an index', async () => {
    const uri = await ann.startChat()
    await site.pool.query(
      `insert into members (chat_id, user_id, name, folded_name, skeleton)
       select l.chat_id, u.id, u.name, u.folded_name, u.folded_name
       from links l, (select * from users where username like 'filler%' limit 2000) u where l.uri = $1`,
      [uri],
    )
    const user = await createUser(site.db, { username: 'newcomer', email: '', password_hash: 'x' })
    assert.ok(user)
    await joinChat(site.db, uri, user.id)
    const gus = await guest(site, 'Gus the guest')
    const taking: Record<string, () => Promise<unknown>> = {
      'signing up': () => createUser(site.db, { username: 'another', email: '', password_hash: 'x' }),
      renaming: () => changeUser(site.db, user.id, { name: 'New Comer' }),
      keeping: () => keepGuest(site.db, gus.id, { username: 'gusthe', email: '', password_hash: 'x' }),
    }
    for (const [what, take] of Object.entries(taking)) {
      const statements = (await statementsOf(take)).filter(({ text }) => !/^(begin|commit)/.test(text))
      assert.ok(statements.length > 0, what)
      // What was inserted is there already when it is run again.
      await assertIndexes(statements.filter(({ text }) => !/^insert/.test(text)))
    }
  })

  it('the start page of somebody with 1,000 chats, each with 110 unread: at most 3, each by an index, bounded by the page @long', async () => {
    const zoe = await new Visitor(site).signUp('zoe')
    await site.pool.query(`
      begin;
      set local statement_timeout = 0;
      with zoe as (select id from users where username = 'zoe'),
      made as (
        insert into chats (owner_id, version, last_message, last_shown, member_count)
        select id, 110, 110, 110, 2 from users where username like 'filler%' order by id limit 1000
        returning id, owner_id
      ),
      linked as (insert into links (uri, chat_id) select 'many-uris-0123456789-' || id, id from made),
      present as (
        insert into members (chat_id, user_id, name, folded_name)
          select id, owner_id, 'filler', 'filler' from made
          union all select made.id, zoe.id, 'zoe', 'zoe' from made, zoe
      ),
      said as (
        insert into events (chat_id, version, kind, author_id, text)
        select id, n, 'message', owner_id, 'message ' || n from made, generate_series(1, 110) n
      )
      insert into mentions (user_id, chat_id, version)
        select zoe.id, made.id, n from zoe, made, generate_series(1, 110) n;
      commit`)
    let text = ''
    const statements = await statementsOf(async () => {
      text = (await zoe.get('/')).text
    })
    assert.equal(text.match(/99\+<span class="hidden-label"> unread/g)?.length, 30)
    assert.equal(text.match(/>@<span class="hidden-label">99\+</g)?.length, 30)
    assert.ok(statements.length <= 3, `${statements.length}`)
    // A page and one more, each counted to a hundred; of the other chats only when they were posted to.
    await assertIndexes(statements, 31 * 101)
  })

  it('who is here, a member removed, a chat deleted and its rows gone, in batches: each by an index', async () => {
    const owner = await signUpProgram(site, 'the-owner')
    const uri = await owner.startChat()
    await program.join(uri)
    await program.post(uri, 'x')
    const { members } = (await owner.call('GET', `/api/chats/${uri}/members/`)).json
    const told = (await allStatementsOf(() => site.live.presence.tell())).filter(({ text }) => /seen_at/.test(text))
    assert.equal(told.length, 1)
    await site.pool.query('update members set seen_at = null')
    await assertIndexes(told)
    const path = `/api/chats/${uri}/`
    for (const ask of [
      () => owner.call('DELETE', `${path}members/${members[1].id}/?ban=1`),
      () => owner.call('DELETE', `${path}bans/${members[1].id}/`),
      () => owner.call('DELETE', path, { name: 'Chat started by the-owner' }),
    ]) {
      let status = 0
      // What the first asking did would be done already when its statements are run again.
      const statements = await statementsOf(async () => {
        status = (await ask()).status
      })
      assert.equal(status, 204)
      assert.ok(statements.length <= 3)
      await assertIndexes(statements)
    }
    const kept = await site.pool.query('select count(*)::int as many from events')
    await assertIndexes(
      (await statementsOf(() => deleteSomeRows(site.db, 100))).filter(({ text }) => !/^(begin|commit)/.test(text)),
    )
    await deleteExpired(site.db)
    const left = await site.pool.query('select count(*)::int as many from events')
    assert.ok(left.rows[0].many < kept.rows[0].many)
  })

  it('what happened in all of 300 chats, and the sweep that watches them: each by an index, and no more rows than there are chats @long', async () => {
    const reader = await signUpProgram(site, 'reader')
    const { json } = await reader.call('GET', '/api/account/')
    await reader.join(large)
    await site.pool.query(
      `insert into members (chat_id, user_id, name, folded_name)
       select c.id, $1, 'reader', 'reader' from chats c join users u on u.id = c.owner_id
       where u.username like 'filler%' order by c.id limit 299`,
      [json.id],
    )
    await site.pool.query(
      `insert into events (chat_id, version, kind, author_id, text)
       select chat_id, 1, 'message', user_id, 'before' from members where user_id = $1 on conflict do nothing`,
      [json.id],
    )
    // Memberships of others, and those of this reader from before.
    await site.pool.query(
      `insert into membership_changes (user_id, chat_id, version, kind)
       select id, id, n, 'joined' from users, generate_series(1, 3) n where username like 'filler%'
       union all select $1, n, n, 'left' from generate_series(1000001, 1001000) n`,
      [json.id],
    )
    // Whatever else the server has under way: of what is over, a later snapshot has nothing to look through.
    await until(async () => {
      const { rows } = await site.pool.query(
        `select pg_snapshot_xmin(pg_current_snapshot()) > xid as over from membership_changes
         where user_id = $1 order by xid desc limit 1`,
        [json.id],
      )
      return rows[0].over
    })
    const { cursor } = (await reader.call('GET', '/api/events/')).json
    await program.post(large, 'new')
    await grow(large, 500)
    const gone = await program.startChat()
    await reader.join(gone)
    await reader.call('DELETE', `/api/chats/${gone}/members/me/`)
    let items: { event: string }[] = []
    const reading = await statementsOf(async () => {
      items = (await reader.call('GET', `/api/events/?after=${cursor}`)).json.items
    })
    assert.equal(items.length, 200)
    assert.ok(reading.length <= 3, reading.map(({ text }) => text).join('\n---\n'))
    await assertIndexes(reading, 310)
    const stream = await openEvents(site, `/api/live/?after=${cursor}`, reader)
    await stream.first(({ event }) => event === 'gone')
    const sweeps: Statement[] = []
    await until(async () => {
      const sent = await allStatementsOf(() => program.post(large, 'more'))
      sweeps.push(...sent.filter(({ text }) => /as known \(id, version\)/.test(text)))
      return sweeps.length > 0
    })
    // Each chat is compared with what is known of it.
    await assertIndexes(sweeps.slice(0, 1), 310, 310)
    cutStreams()
  })

  let count = 0
  let knownVersion: number | undefined

  /** Asked before counting starts. */
  async function version(uri: string): Promise<number> {
    if (knownVersion !== undefined) {
      return knownVersion
    }
    const { rows } = await site.pool.query(
      'select c.version from chats c join links l on l.chat_id = c.id where l.uri = $1',
      [uri],
    )
    return rows[0].version
  }

  async function grow(uri: string, count: number) {
    // However long a busy machine takes.
    await site.pool.query(
      `begin;
       set local statement_timeout = 0;
       with chat as (select c.id, c.version, c.owner_id from chats c join links l on l.chat_id = c.id where l.uri = '${uri}'),
       grown as (
         insert into events (chat_id, version, kind, author_id, text)
         select id, version + n, 'message', owner_id, 'message ' || n from chat, generate_series(1, ${count}) n
       )
       update chats c set version = c.version + ${count}, last_message = c.version + ${count}, last_shown = c.version + ${count}
       from chat where c.id = chat.id;
       commit`,
    )
  }

  /**
   * Runs each statement again with its plan, and the plans of what happens inside our functions; undoes what they did. No step
   * may go over more rows than a page holds, however long the chat is, nor pass over more than `passed`.
   */
  async function assertIndexes(statements: Statement[], most = MOST_ROWS, passed = 10) {
    const plans = await plansOf(statements)
    assert.ok(plans.length >= statements.length, 'every statement showed its plan')
    for (const plan of plans) {
      assert.doesNotMatch(plan, /Seq Scan|Hash Join|Bitmap/)
      for (const [step, rows, loops] of plan.matchAll(/.*actual .*?rows=([\d.]+) loops=(\d+)/g)) {
        assert.ok(Number(rows) * Number(loops) <= most, `${step}\n${plan}`)
      }
      for (const [step, rows] of plan.matchAll(/.*Rows Removed by .*?: (\d+)/g)) {
        assert.ok(Number(rows) <= passed, `${step}\n${plan}`)
      }
    }
  }

  async function plansOf(statements: Statement[]): Promise<string[]> {
    const client = await site.pool.connect()
    const plans: string[] = []
    client.on('notice', notice => plans.push(notice.message ?? ''))
    await client.query(`
      load 'auto_explain';
      set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on;
      set auto_explain.log_analyze = on;
      set client_min_messages = log`)
    for (const { text, values } of statements) {
      await client.query('begin')
      await client.query(text, values)
      await client.query('rollback')
    }
    client.release(true)
    return plans
  }
})
