import assert from 'node:assert/strict'
import { type Cursor, cursorText, readCursor } from '../../src/db/cursors.js'
import { assertProblem } from '../input/answers.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { allStatementsOf, statementsOf } from '../support/statements.js'
import { cutStreams, type Events, openEvents, openSocket, type Sent } from '../support/streams.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

interface Item {
  event: string
  uri: string
  version: number
  message: string | null
  cursor: string
  reason?: string
}

describe('all chats of a user', () => {
  let site: Site
  let ann: Program
  let bob: Program
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
  })
  afterEach(cutStreams)
  after(() => site.close())

  async function now(program: Program): Promise<string> {
    return (await program.call('GET', '/api/events/')).json.cursor
  }

  async function read(
    program: Program,
    after: string,
    query = '',
  ): Promise<{ items: Item[]; cursor: string; next: string | null }> {
    const answer = await program.call('GET', `/api/events/?after=${after}${query}`)
    assert.equal(answer.status, 200, answer.text)
    return answer.json
  }

  const told = ({ items }: { items: Item[] }) =>
    items.map(({ event, uri, message, reason }) => [uri, event, reason ?? message ?? ''])

  describe('GET /api/events/', () => {
    it('begins with a cursor alone, and brings each event after it with its chat: the JSON of the chat’s own list', async () => {
      const [one, two] = [await ann.startChat(), await ann.startChat()]
      await ann.post(one, 'before')
      const began = await ann.call('GET', '/api/events/')
      assert.deepEqual(began.json.items, [])
      assert.equal(began.json.next, null)
      const first = await ann.post(two, 'in two')
      await bob.join(one)
      await ann.call('PATCH', `/api/chats/${two}/messages/${first.json.id}/`, { message: 'in two, edited' })
      const page = await read(ann, began.json.cursor)
      assert.deepEqual(told(page), [
        [one, 'joined', ''],
        [two, 'message', 'in two, edited'],
        [two, 'edited', 'in two, edited'],
      ])
      for (const { uri, cursor, ...event } of page.items) {
        assert.ok(readCursor(cursor))
        const { messages } = (await ann.call('GET', `/api/chats/${uri}/messages/?after=${event.version - 1}&limit=1`))
          .json
        assert.deepEqual([event], messages)
      }
      assert.deepEqual((await read(ann, page.cursor)).items, [])
      assert.deepEqual(told(await read(ann, began.json.cursor)), told(page))
    })

    it('goes on from every event’s own cursor, and from page to page by next', async () => {
      const uris = await Promise.all(Array.from({ length: 3 }, () => ann.startChat()))
      const begin = await now(ann)
      for (let n = 0; n < 4; n++) {
        for (const uri of uris) {
          await ann.post(uri, `${n}`)
        }
      }
      const { items } = await read(ann, begin)
      assert.equal(items.length, 12)
      for (const [n, { cursor }] of items.entries()) {
        assert.deepEqual((await read(ann, cursor)).items.map(key), items.slice(n + 1).map(key), cursor)
      }
      const seen: Item[] = []
      let posts = 12
      for (let next: string | null = `/api/events/?after=${begin}&limit=5`; next; ) {
        const answer = await ann.call('GET', next)
        // What comes meanwhile is read once as well, behind the rest of its chat.
        await ann.post(uris[0] as string, 'meanwhile')
        posts++
        seen.push(...answer.json.items)
        next = answer.json.next
        assert.equal(answer.headers.get('link'), next && `<${next}>; rel="next"`)
        if (!next) {
          seen.push(...(await read(ann, answer.json.cursor)).items)
        }
      }
      assert.equal(seen.length, posts)
      for (const uri of uris) {
        const versions = seen.filter(item => item.uri === uri).map(({ version }) => version)
        assert.deepEqual(
          versions,
          versions.map((_, n) => (versions[0] as number) + n),
        )
      }
    })

    it('begins a chat with the event by which the reader joined it', async () => {
      const uri = await ann.startChat()
      const begin = await now(bob)
      await ann.post(uri, 'not for bob')
      await bob.join(uri)
      await ann.post(uri, 'for bob')
      assert.deepEqual(told(await read(bob, begin)), [
        [uri, 'joined', ''],
        [uri, 'message', 'for bob'],
      ])
    })

    it('says once of a chat that was left, lost or deleted why it is gone, and nothing else of it', async () => {
      const gone = {
        left: (uri: string) => bob.call('DELETE', `/api/chats/${uri}/members/me/`),
        removed: async (uri: string) => ann.call('DELETE', `/api/chats/${uri}/members/${await idOf(bob)}/`),
        deleted: (uri: string) => ann.call('DELETE', `/api/chats/${uri}/`, { name: 'Chat started by ann' }),
      }
      for (const [reason, go] of Object.entries(gone)) {
        const [uri, other] = [await ann.startChat(), await ann.startChat()]
        await bob.join(uri)
        await bob.join(other)
        const begin = await now(bob)
        await ann.post(uri, 'unread')
        assert.equal((await go(uri)).status, 204)
        await ann.post(uri, 'later')
        await ann.post(other, 'elsewhere')
        const page = await read(bob, begin)
        assert.deepEqual(told(page), [
          [uri, 'gone', reason],
          [other, 'message', 'elsewhere'],
        ])
        assert.deepEqual((await read(bob, page.items[0]?.cursor ?? '')).items.map(key), page.items.slice(1).map(key))
        assert.deepEqual((await read(bob, page.cursor)).items, [])
        // Its rows may go meanwhile.
        await site.pool.query('delete from events where chat_id in (select id from chats where deleted_at is not null)')
        assert.equal((await read(bob, begin)).items[0]?.reason, reason)
      }
    })

    it('begins anew in a chat that was left and joined again', async () => {
      const uri = await ann.startChat()
      await bob.join(uri)
      const begin = await now(bob)
      await ann.post(uri, 'unread')
      await bob.call('DELETE', `/api/chats/${uri}/members/me/`)
      await ann.post(uri, 'without bob')
      await bob.join(uri)
      await ann.post(uri, 'again with bob')
      assert.deepEqual(told(await read(bob, begin)), [
        [uri, 'joined', ''],
        [uri, 'message', 'again with bob'],
      ])
    })

    it('has nothing of chats of others, and nothing for visitors', async () => {
      const begin = await now(bob)
      await ann.post(await ann.startChat(), 'not for bob')
      assert.deepEqual((await read(bob, begin)).items, [])
      assertProblem(await new Program(site).call('GET', '/api/events/'), 401)
    })

    it('answers a cursor that is too old, ahead, of elsewhere or none at all with 410 and one to go on from', async () => {
      const uri = await ann.startChat()
      const good = readCursor(await now(ann)) as Cursor
      const ahead = good.after.replace(/^(\d+):\d+:/, '$1:999999999999999:')
      const wrong: Record<string, string> = {
        old: cursorText({ ...good, day: good.day - 31 }),
        early: cursorText({ ...good, day: good.day + 2 }),
        'of another epoch': cursorText({ ...good, epoch: good.epoch + 1 }),
        ahead: cursorText({ ...good, after: ahead }),
        'ahead in the middle': cursorText({ ...good, place: { upto: ahead, chat_id: 1, version: 1 } }),
        'a version': '17',
        text: 'x',
        nothing: '',
        'a pg_snapshot': `${good.epoch}.${good.day}.${good.after}`,
        'no snapshot': `${good.epoch}.${good.day}.5-3-4`,
        'out of order': `${good.epoch}.${good.day}.5-9-4_3`,
        'from nothing': `${good.epoch}.${good.day}.0-0`,
        long: `${good.epoch}.${good.day}.5-9999-${Array.from({ length: 900 }, (_, n) => n).join('_')}`.slice(0, 2001),
      }
      for (const [what, cursor] of Object.entries(wrong)) {
        const listed = await ann.call('GET', `/api/events/?after=${encodeURIComponent(cursor)}`)
        const waited = await ann.call('GET', `/api/events/?after=${encodeURIComponent(cursor)}&wait=20`)
        const streamed = await ann.call('GET', `/api/live/?after=${encodeURIComponent(cursor)}`)
        for (const refused of [listed, waited, streamed]) {
          assert.equal(refused.status, 410, `${what} ${refused.text}`)
          assertProblem(refused, 410)
          assert.equal(refused.json.code, 'cursor_gone')
        }
        await ann.post(uri, what)
        assert.deepEqual(told(await read(ann, listed.json.cursor)), [[uri, 'message', what]])
      }
      assert.equal(
        (await read(ann, cursorText({ ...good, day: good.day - 30 }))).items.length,
        Object.keys(wrong).length,
      )
      for (const query of ['after=1&after=2', 'limit=0', 'limit=1001', 'wait=26', 'wait=x']) {
        assertProblem(await ann.call('GET', `/api/events/?${query}`), 422)
      }
    })

    it('waits for what happens, for so many seconds at most', async () => {
      const uri = await ann.startChat()
      const begin = await now(ann)
      const waiting = read(ann, begin, '&wait=25')
      await watched(1)
      await ann.post(uri, 'now')
      const page = await waiting
      assert.deepEqual(told(page), [[uri, 'message', 'now']])
      assert.deepEqual(await told(await read(ann, begin, '&wait=25')), told(page))
      assert.deepEqual((await read(ann, page.cursor, '&wait=1')).items, [])
      await watched(0)
    })

    it('answers a waiting request whose token ends with 401', async () => {
      const eve = await signUpProgram(site, 'eve')
      const waiting = eve.call('GET', `/api/events/?after=${await now(eve)}&wait=25`)
      await watched(1)
      await eve.call('POST', '/auth/token/destroy/')
      assertProblem(await waiting, 401)
    })

    it('is no page', async () => {
      const visitor = await new Visitor(site).signUp('vic')
      assert.equal((await visitor.get('/events')).headers.get('location'), '/')
    })
  })

  describe('GET /api/live/', () => {
    it('says first where it begins, and brings what happens in all chats, those that are joined later too', async () => {
      const [one, two] = [await ann.startChat(), await bob.startChat()]
      const stream = await openEvents(site, '/api/live/', ann)
      assert.equal(stream.status, 200)
      const ready = await stream.first(({ event }) => event === 'ready')
      assert.equal(ready.retry, 2000)
      assert.deepEqual(JSON.parse(ready.data ?? ''), { event: 'ready', cursor: ready.id })
      await ann.post(one, 'hello')
      const sent = await stream.first(isItem)
      const { items } = await read(ann, ready.id as string)
      assert.deepEqual([itemOf(sent)].map(key), items.map(key))
      assert.equal(sent.event, 'message')
      assert.equal(sent.id, itemOf(sent).cursor)
      await ann.join(two)
      await bob.post(two, 'welcome')
      await reaches(stream, two, 'welcome')
      assert.deepEqual(seen(stream), [
        [one, 'message', 'hello'],
        [two, 'joined', ''],
        [two, 'message', 'welcome'],
      ])
      await ann.call('DELETE', `/api/chats/${two}/members/me/`)
      await stream.first(({ event }) => event === 'gone')
      await bob.post(two, 'without ann')
      await ann.post(one, 'and on')
      await reaches(stream, one, 'and on')
      assert.deepEqual(seen(stream).slice(3), [
        [two, 'gone', 'left'],
        [one, 'message', 'and on'],
      ])
    })

    it('goes on after the last cursor that came, of an event or of a sign of life', async () => {
      const uris = await Promise.all(Array.from({ length: 5 }, () => ann.startChat()))
      const begin = await now(ann)
      for (let n = 0; n < 3; n++) {
        for (const uri of uris) {
          await ann.post(uri, `${n}`)
        }
      }
      const { items } = await read(ann, begin)
      for (const [n, { cursor }] of items.entries()) {
        const byHeader = await openEvents(site, `/api/live/?after=${begin}`, ann, { 'last-event-id': cursor })
        const last = items.at(-1) as Item
        if (n < items.length - 1) {
          await reaches(byHeader, last.uri, last.message ?? '')
        }
        await until(() => byHeader.sent.some(({ comment }) => comment !== undefined))
        assert.deepEqual(byHeader.sent.filter(isItem).map(itemOf).map(key), items.slice(n + 1).map(key))
        byHeader.cut()
      }
    })

    it('brings what happened behind the page in the middle of which it begins', async () => {
      const [one, two] = [await ann.startChat(), await ann.startChat()]
      const begin = await now(ann)
      await ann.post(one, 'first')
      await ann.post(two, 'second')
      const [first] = (await read(ann, begin)).items
      await ann.post(one, 'behind the page')
      const page = await read(ann, first?.cursor ?? '')
      assert.deepEqual(told(page), [[two, 'message', 'second']])
      assert.ok(page.next)
      const stream = await openEvents(site, `/api/live/?after=${first?.cursor}`, ann)
      await reaches(stream, one, 'behind the page')
      assert.deepEqual(seen(stream), [
        [two, 'message', 'second'],
        [one, 'message', 'behind the page'],
      ])
    })

    it('hears of a chat that is joined after the database could not be asked for the chats @long', async () => {
      const uri = await bob.startChat()
      const stream = await openEvents(site, '/api/live/', ann)
      await stream.first(({ event }) => event === 'ready')
      const own = await ann.startChat()
      await reaches(stream, own, '')
      // Then the stream only waits.
      await confirmedTwice()
      const id = await idOf(ann)
      const holder = await site.pool.connect()
      await holder.query('begin; lock table members in access exclusive mode')
      site.log.length = 0
      site.live.watched.changed(id)
      await until(() => site.log.some(line => line.includes('Reading whose chats are watched failed')))
      await holder.query('rollback')
      holder.release()
      await ann.join(uri)
      await reaches(stream, uri, '')
      await bob.post(uri, 'welcome')
      await reaches(stream, uri, 'welcome')
    })

    it('keeps its cursor young while nothing happens, without a statement of its own @long', async () => {
      const stream = await openEvents(site, '/api/live/', ann)
      const { id: began = '' } = await stream.first(({ event }) => event === 'ready')
      const day = readCursor(began)?.day ?? 0
      const { watched } = site.live
      const confirmed = watched.confirmed.bind(watched)
      let sweeps = 0
      watched.confirmed = (...args) => {
        const { now } = performance
        // A day later.
        performance.now = () => now.call(performance) + 86_400_000
        confirmed(...args)
        performance.now = now
        sweeps++
      }
      // The first reading is over.
      await until(() => sweeps > 1)
      const statements = await allStatementsOf(() => until(() => sweeps > 3))
      Object.assign(watched, { confirmed })
      assert.ok(statements.some(({ text }) => /as known \(id, version\)/.test(text)))
      assert.deepEqual(
        statements.filter(({ text }) => /events_since|from members m/.test(text)).map(({ text }) => text),
        [],
      )
      for (const open of site.live.streams) {
        open.check(performance.now() + 25_000)
      }
      const { id: later = '' } = await stream.first(({ id, comment }) => comment !== undefined && id !== began)
      assert.equal(readCursor(later)?.day, day + 1)
      assert.deepEqual((await read(ann, later)).items, [])
    })

    it('is for WebSockets too, which post to the chat whose uri they say', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, '/api/live/', ann)
      const { cursor } = socket.ready
      assert.equal(socket.ready.event, 'ready')
      const answer = await socket.ask({ uri, message: 'by the socket', key: 'k' })
      assert.equal(answer.status, 'SUCCESS', JSON.stringify(answer))
      const event = await socket.next()
      assert.deepEqual([event].map(key), (await read(ann, cursor)).items.map(key))
      assert.equal((await socket.ask({ message: 'nowhere', key: 1 })).errors.uri.length, 1)
      assert.equal((await socket.ask({ uri: 'A'.repeat(22), message: 'nowhere' })).status, 404)
      await ann.call('DELETE', `/api/chats/${uri}/`, { name: 'Chat started by ann' })
      assert.equal((await socket.next()).reason, 'deleted')
      await site.pool.query('select 1')
      const later = await openSocket(site, `/api/live/?after=${cursor}`, ann)
      assert.equal((await later.next()).event, 'gone')
    })

    it('ends when the token does, and tells a program to come back when the server stops', async () => {
      const beside = await openSite({}, site)
      const eve = await signUpProgram(site, 'ivy')
      const ended = await openEvents(site, '/api/live/', eve)
      const restarted = await openEvents(beside, '/api/live/', ann)
      await Promise.all([ended, restarted].map(stream => stream.first(({ event }) => event === 'ready')))
      await eve.call('POST', '/auth/token/destroy/')
      const gone = await ended.first(({ event }) => event === 'gone')
      assert.deepEqual(JSON.parse(gone.data ?? ''), { event: 'gone', reason: 'signed_out' })
      await beside.close()
      await restarted.first(({ event }) => event === 'restart')
    })

    it('asks each chat only for what is new of it, whichever of many moved', async () => {
      const many = await signUpProgram(site, 'many')
      const uris = await Promise.all(Array.from({ length: 20 }, () => many.startChat()))
      const stream = await openEvents(site, '/api/live/', many)
      await stream.first(({ event }) => event === 'ready')
      await watched(1)
      const statements = await statementsOf(async () => {
        await many.post(uris[3] as string, 'one')
        await reaches(stream, uris[3] as string, 'one')
      })
      // The post, and the reading: where something happened, and what.
      assert.ok(statements.length <= 4, statements.map(({ text }) => text).join('\n---\n'))
    })
  })

  /** Resolves after two sweeps. */
  async function confirmedTwice() {
    const { watched } = site.live
    const confirmed = watched.confirmed.bind(watched)
    let sweeps = 0
    watched.confirmed = (...args) => {
      confirmed(...args)
      sweeps++
    }
    await until(() => sweeps > 1)
    Object.assign(watched, { confirmed })
  }

  async function watched(count: number) {
    await until(() => site.live.watched.size === count)
  }

  async function idOf(program: Program): Promise<number> {
    return (await program.call('GET', '/api/account/')).json.id
  }
})

const key = ({ uri, version, event, reason }: Item) => `${uri} ${version} ${event} ${reason ?? ''}`

function isItem({ event }: Sent): boolean {
  return event !== undefined && !['ready', 'restart'].includes(event)
}

function itemOf({ data }: Sent): Item {
  return JSON.parse(data ?? '')
}

function seen(stream: Events) {
  return stream.sent
    .filter(isItem)
    .map(itemOf)
    .map(({ event, uri, message, reason }) => [uri, event, reason ?? message ?? ''])
}

async function reaches(stream: Events, uri: string, message: string) {
  await stream.first(sent => isItem(sent) && itemOf(sent).uri === uri && (itemOf(sent).message ?? '') === message)
}
