import assert from 'node:assert/strict'
import { JUMP, keepEpoch, newEpoch } from '../../src/db/epoch.js'
import { waiting } from '../support/locks.js'
import { openStream, versionOf } from '../support/readers.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const PAGE_STREAM = { accept: 'text/event-stream', 'hx-request': 'true', 'sec-fetch-site': 'same-origin' }

/** Here the database stays, and is told that it is another one. */
describe('an epoch', () => {
  let site: Site
  let ann: Visitor
  let program: Program
  let uri: string
  /** The versions of the newest event from before the epoch, and of the chat when the epoch began. */
  let last: number
  let begun: number
  const closing: (() => unknown)[] = []

  beforeEach(async () => {
    site = await openSite()
    closing.push(() => site.close())
    ann = await new Visitor(site).signUp('ann')
    program = await signUpProgram(site, 'prog')
    uri = await ann.startChat()
    await program.join(uri)
    for (const text of ['one', 'two', 'three']) {
      await program.post(uri, text)
    }
    last = await versionOf(site.pool, uri)
    begun = last + JUMP
  })
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
  })

  const list = (query: string) => program.call('GET', `/api/chats/${uri}/messages/?${query}`)
  const poll = (after: number) => ann.htmx('GET', `/chats/${uri}/messages?after=${after}`)
  const texts = ({ json }: { json: { messages: { message: string | null }[] } }) =>
    json.messages.map(({ message }) => message)

  /** Begins an epoch as `npm run doctor -- new-epoch` does, and lets the site notice it. */
  async function begin(at = begun) {
    await newEpoch(site.address, () => {})
    assert.equal(await versionOf(site.pool, uri), at)
    await until(async () => (await list(`after=${at}`)).status === 200)
  }

  describe('begins', () => {
    const number = async () => (await site.pool.query('select number from epoch')).rows[0].number
    const keep = () => keepEpoch(site.db, site.address, () => {})

    it('not where the database is the one of before', async () => {
      assert.deepEqual([await keep(), await keep(), await number()], [1, 1, 1])
      assert.equal(await versionOf(site.pool, uri), last)
    })

    for (const [what, change] of [
      ['server', 'system_identifier = 7'],
      ['timeline', 'timeline = timeline + 1'],
      ['database', 'database = 1'],
    ] as const) {
      it(`where the ${what} is another one, once for all that notice it`, async () => {
        await keep()
        await site.pool.query(`update epoch set ${change}`)
        assert.deepEqual(await Promise.all([keep(), keep(), keep()]), [2, 2, 2])
        assert.equal(await versionOf(site.pool, uri), begun)
        assert.equal(await keep(), 2)
      })
    }

    it('without writing any event anew, also while messages are posted: what was before has no transaction any more', async () => {
      const rows = async () =>
        (
          await site.pool.query(
            'select chat_id, version, ctid::text, xmin::text, xid is null as old from events order by chat_id, version',
          )
        ).rows
      // The functions that change a message keep what a row of events looks like.
      const edit = async (message: string) => {
        assert.equal((await program.call('PATCH', `/api/chats/${uri}/messages/${last}/`, { message })).status, 200)
        begun++
      }
      await edit('once')
      const before = await rows()
      assert.equal(
        before.some(({ old }) => old),
        false,
      )
      // A post that is under way when the epoch begins is of the time before.
      const holder = await site.pool.connect()
      await holder.query('begin')
      await holder.query(`select append_event((select chat_id from links where uri = '${uri}'), 'left', 1, null, null)`)
      const beginning = begin(begun + 1)
      await waiting(site, 1)
      await holder.query('commit')
      holder.release()
      await beginning
      const after = await rows()
      assert.deepEqual(
        after.slice(0, before.length),
        before.map(row => ({ ...row, old: true })),
      )
      assert.deepEqual(
        after.slice(before.length).map(({ old }) => old),
        [true],
      )
      await program.post(uri, 'after')
      assert.equal((await rows()).at(-1).old, false)
      await edit('twice')
    })

    it('when the bus connects again to another database: nothing in memory lives on', async () => {
      const stream = await openStream(`${site.url}/api/chats/${uri}/live/?after=0`, {
        authorization: `Token ${program.token}`,
      })
      await until(() => stream.text.includes('three'))
      await until(async () => (await site.pool.query('select from epoch where database is not null')).rowCount === 1)
      await site.pool.query('update epoch set timeline = timeline + 1')
      await site.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire bus' and datname = current_database()",
      )
      await stream.over
      assert.match(stream.text, /event: restart/)
      assert.equal(await number(), 2)
      assert.equal((await list(`after=${last + 1}`)).status, 410)
      assert.equal((await poll(last)).status, 200)
    })

    it('when connections have ended, with BUS=off too @long', async () => {
      const off = await openSite({ BUS: 'off' }, site)
      closing.push(() => off.close())
      const stream = await openStream(`${off.url}/api/chats/${uri}/live/?after=0`, {
        authorization: `Token ${program.token}`,
      })
      await until(() => stream.text.includes('three'))
      await until(async () => (await site.pool.query('select from epoch where database is not null')).rowCount === 1)
      // The first time may come before it has read which epoch it is.
      for (let next = 2; !stream.ended; next++) {
        await site.pool.query('update epoch set timeline = timeline + 1')
        await site.pool.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire' and datname = current_database() and pid <> pg_backend_pid()",
        )
        await until(async () => (await number()) >= next)
      }
      assert.match(stream.text, /event: restart/)
    })

    it('for a role that may read less, by what it may read', async () => {
      const role = `${site.address.database}_plain`
      await site.pool.query(`create role ${role} login`)
      closing.push(() => site.pool.query(`drop owned by ${role}; drop role ${role}`))
      closing.push(() => site.pool.query(`reassign owned by ${role} to current_user`))
      await site.pool.query(`grant all on all tables in schema public to ${role}`)
      // As it does all migrations, the role of the program owns the tables.
      await site.pool.query(`alter table events owner to ${role}`)
      await site.pool.query('revoke execute on function pg_control_system() from public')
      closing.push(() => site.pool.query('grant execute on function pg_control_system() to public'))
      const { connect } = await import('../../src/db/connection.js')
      const plain = { ...site.address, user: role }
      const { db } = connect(plain, () => {}, 1)
      closing.push(() => db.destroy())
      assert.equal(await keepEpoch(db, plain, () => {}), 1)
      await site.pool.query('update epoch set timeline = timeline + 1')
      assert.equal(await keepEpoch(db, plain, () => {}), 2)
      const { rows } = await site.pool.query('select system_identifier, database from epoch')
      assert.equal(rows[0].system_identifier, null)
      assert.ok(rows[0].database)
    })
  })

  describe('for programs', () => {
    it('keeps every cursor from before it good, and answers those of the lost time with 410', async () => {
      await begin()
      for (let after = 0; after <= last; after++) {
        const answer = await list(`after=${after}`)
        assert.equal(answer.status, 200, `after=${after}`)
        assert.equal(answer.json.version, after === last ? begun : last)
      }
      for (const lost of [last + 1, last + 200, begun - 1, begun + 1]) {
        const answer = await list(`after=${lost}`)
        assert.equal(answer.status, 410, `after=${lost}`)
        assert.equal(answer.json.version, begun)
      }
      await program.post(uri, 'four')
      await program.post(uri, 'five')
      for (const after of [last, begun]) {
        assert.deepEqual(texts(await list(`after=${after}`)), ['four', 'five'], `after=${after}`)
      }
      assert.deepEqual(texts(await list(`after=${begun + 1}`)), ['five'])
      assert.equal((await list(`after=${last + 1}`)).status, 410)
      const all = await list('after=0')
      assert.deepEqual(texts(all).slice(-5), ['one', 'two', 'three', 'four', 'five'])
    })

    it('takes a cursor of all chats from anybody, and gives another: with each chat’s own cursor nothing is missed', async () => {
      const events = async (after: string) => program.call('GET', `/api/events/?after=${after}`)
      const { cursor } = (await program.call('GET', '/api/events/')).json
      await program.post(uri, 'read by all')
      const read = (await events(cursor)).json
      const own = read.items.at(-1).version
      const waiting = program.call('GET', `/api/events/?after=${read.cursor}&wait=25`)
      const stream = await openStream(`${site.url}/api/live/?after=${read.cursor}`, {
        authorization: `Token ${program.token}`,
      })
      await until(() => site.live.watched.size === 2)
      await program.post(uri, 'not read')
      await waiting
      await begin(own + 1 + JUMP)
      await program.post(uri, 'four')
      // It is told so when it comes back.
      await stream.over
      assert.match(stream.text, /event: restart\n/)
      const [, lost = ''] = /^id: (.*)\nevent: message/m.exec(stream.text) ?? []
      for (const before of [cursor, read.cursor, lost]) {
        for (const path of [`/api/events/?after=${before}`, `/api/live/?after=${before}`]) {
          const refused = await program.call('GET', path)
          assert.equal(refused.status, 410, path)
          assert.equal(refused.json.code, 'cursor_gone')
          assert.deepEqual((await events(refused.json.cursor)).json.items, [])
        }
      }
      const anew = (await events(lost)).json.cursor
      await program.post(uri, 'five')
      const missed = await list(`after=${own}`)
      assert.deepEqual(texts(missed), ['not read', 'four', 'five'])
      const next = (await events(anew)).json
      assert.deepEqual(
        next.items.map(({ message }: { message: string }) => message),
        ['five'],
      )
      assert.deepEqual((await list(`after=${missed.json.version}`)).json.messages, [])
      assert.deepEqual((await events(next.cursor)).json.items, [])
    })

    it('may begin again while nothing is posted: cursors of both beginnings stay good @long', async () => {
      await begin()
      await begin(begun + JUMP)
      await program.post(uri, 'four')
      for (const after of [last, begun, begun + JUMP]) {
        assert.deepEqual(texts(await list(`after=${after}`)), ['four'], `after=${after}`)
      }
      assert.equal((await list(`after=${begun + 1}`)).status, 410)
    })

    it('lets a reader go on by pages across it, in both directions', async () => {
      await begin()
      await program.post(uri, 'four')
      await program.post(uri, 'five')
      const forth: (string | null)[] = []
      for (let after = 0, more = true; more; ) {
        const { json } = await list(`after=${after}&limit=2`)
        forth.push(...texts({ json }))
        after = json.version
        more = json.more
      }
      assert.deepEqual(forth.slice(-5), ['one', 'two', 'three', 'four', 'five'])
      const back: (string | null)[] = []
      for (let before: number | undefined = begun + 3; before !== undefined; ) {
        const answer = await list(`before=${before}&limit=2`)
        back.unshift(...texts(answer))
        before = answer.json.more ? answer.json.messages[0].id : undefined
      }
      assert.deepEqual(back, ['one', 'two', 'three', 'four', 'five'])
    })

    it('is another ETag', async () => {
      const before = await list('')
      await begin()
      const after = await program.call('GET', `/api/chats/${uri}/messages/`, undefined, {
        'if-none-match': before.headers.get('etag') ?? '',
      })
      assert.equal(after.status, 200)
    })

    it('is passed by a stream that comes back, and by one that waits', async () => {
      await begin()
      const url = (after: number) => `${site.url}/api/chats/${uri}/live/?after=${after}`
      const headers = { authorization: `Token ${program.token}` }
      const stream = await openStream(url(last), headers)
      await until(() => stream.text.includes(`id: ${begun}\n`))
      const waiting = list(`after=${last}&wait=20`)
      await until(async () => {
        await program.post(uri, 'four')
        return stream.text.includes('four')
      })
      assert.ok(texts(await waiting).includes('four'))
      assert.equal(stream.ended, false)
      stream.cut()
      assert.equal((await openStream(url(last + 1), headers)).status, 410)
      const late = await openStream(url(last), headers)
      await until(() => late.text.includes('four'))
      late.cut()
    })
  })

  describe('for pages', () => {
    it('moves the tail of a poll across the gap, and reloads a page of the lost time', async () => {
      await begin()
      const moved = await poll(last)
      assert.equal(moved.status, 200)
      assert.ok(moved.text.includes(`id="tail-${begun}"`))
      assert.equal((await poll(begun)).status, 204)
      const lost = await poll(last + 1)
      assert.deepEqual([lost.status, lost.headers.get('hx-refresh')], [410, 'true'])
      await program.post(uri, 'four')
      for (const after of [last, begun]) {
        const news = await poll(after)
        assert.ok(news.text.includes('four') && news.text.includes(`id="tail-${begun + 1}"`), `after=${after}`)
      }
    })

    it('moves the tail of a stream', async () => {
      await begin()
      const cookie = [...ann.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const open = (after: number) =>
        openStream(`${site.url}/chats/${uri}/live?after=${after}`, { ...PAGE_STREAM, cookie })
      const stream = await open(last)
      await until(() => stream.text.includes(`hx-target="#tail-${last}"`) && stream.text.includes(`id="tail-${begun}"`))
      await program.post(uri, 'four')
      await until(() => stream.text.includes(`hx-target="#tail-${begun}"`) && stream.text.includes('four'))
      stream.cut()
    })

    it('shows a post of a page from before it, and reloads one of the lost time', async () => {
      await begin()
      const posted = await ann.htmx('POST', `/chats/${uri}/messages`, { message: 'mine', after: String(last) })
      assert.equal(posted.status, 201)
      assert.ok(posted.text.includes(`#tail-${last}`) && posted.text.includes('mine'))
      const lost = await ann.htmx('POST', `/chats/${uri}/messages`, { message: 'again', after: String(last + 1) })
      assert.equal(lost.headers.get('hx-redirect'), `/chats/${uri}`)
      const page = await ann.get(`/chats/${uri}`)
      for (const text of ['three', 'mine', 'again']) {
        assert.ok(page.text.includes(text), text)
      }
    })

    it('counts what is unread across the gap', async () => {
      await ann.get(`/chats/${uri}`)
      await begin()
      await program.post(uri, 'four')
      await program.post(uri, 'five')
      const row = await site.pool.query(
        `select m.last_read, (select count(*)::int from events e where e.chat_id = m.chat_id and e.version > m.last_read) as unread
         from members m join users u on u.id = m.user_id where u.username = 'ann'`,
      )
      assert.equal(row.rows[0].unread, 2)
      const home = await ann.get('/')
      assert.match(home.text, /2 unread|>2</)
    })
  })

  it('costs a search nothing: it steps over the gap', async () => {
    for (let n = 1; n <= 20; n++) {
      await newEpoch(site.address, () => {})
    }
    await program.post(uri, 'needle')
    for (const path of [`/chats/${uri}/search?q=`, '/search?q=']) {
      for (const [word, found] of [
        ['one', 'three'],
        ['needle', 'needle'],
      ] as const) {
        const answer = await ann.get(path + word)
        assert.equal(answer.status, 200)
        assert.ok(answer.text.includes(`<mark>${word}</mark>`), `${path}${word} ${found}`)
      }
      assert.equal((await ann.get(`${path}nowhere`)).status, 200)
    }
    const client = await site.pool.connect()
    try {
      await client.query("begin; set local track_functions = 'all'")
      await client.query(`
        select * from members m, search_chat(m.chat_id, 100000000, search_query('nowhere'), 20);
        select * from members m, search_chats(m.user_id, ('infinity', 0, 0), search_query('nowhere'), 20)`)
      const { rows } = await client.query(
        "select pg_stat_get_xact_function_calls('search_in_part'::regproc)::int as looks",
      )
      assert.ok(rows[0].looks > 0 && rows[0].looks < 20, `${rows[0].looks} looks`)
    } finally {
      await client.query('rollback')
      client.release()
    }
  })
})
