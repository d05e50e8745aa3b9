import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import type { Chat } from '../../src/db/chats.js'
import { randomKey } from '../../src/keys.js'
import { compressed } from '../../src/live/pieces.js'
import { Surroundings } from '../../src/live/surroundings.js'
import { withoutKeys } from '../support/form-keys.js'
import { removeMember } from '../support/removal.js'
import { asSent, type SentAnswer, TAKES, TAKES_NOT, watchCompressor } from '../support/sent.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { PASSWORD, Visitor } from '../support/visitor.js'

describe('a chat’s page', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let uri: string

  beforeEach(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    uri = await ann.startChat()
    await open(ann)
    await open(bob)
    await open(ann)
  })
  afterEach(() => site.close())

  it('asks the database nothing while there is nothing new to its reader', async () => {
    await bob.post(`/chats/${uri}/messages`, { message: 'hello <b>' })
    for (const reader of [ann, bob]) {
      await open(reader)
      assert.deepEqual(
        await statementsOf(async () => {
          assert.match(await open(reader), /hello &lt;b&gt;/)
        }),
        [],
      )
    }
  })

  it('is the same from memory, read anew, in plain and in gzip, whoever reads it and whatever has happened', async () => {
    const guest = new Visitor(site)
    await guest.get(`/chats/${uri}`)
    await guest.post(`/chats/${uri}/guests`, { name: `O'Neil & "co" <b>` })
    const carl = await new Visitor(site).signUp('carl')
    await open(carl)
    bob.cookies.set('preferences', 'dark.large.newline')
    carl.cookies.set('preferences', 'light.normal.send')
    const say = (who: Visitor, message: string) => who.post(`/chats/${uri}/messages`, { message })
    const set = (fields: Record<string, string>) => ann.post(`/chats/${uri}/settings`, { guests: 'true', ...fields })
    const last = async () => Number((await bob.send('GET', `/api/chats/${uri}/messages/`)).json.messages.at(-1).id)
    const happenings: (() => Promise<unknown>)[] = [
      async () => {},
      () => say(bob, '**bold** \0 ~guess~ <script>alert(1)</script>'),
      () => say(ann, 'ü 👋🏽 مرحبا'),
      () => say(guest, '@ann, look'),
      async () => bob.post(`/chats/${uri}/messages`, { message: 'an answer', reply_to: String(await last()) }),
      async () => bob.post(`/chats/${uri}/messages/${await last()}`, { message: 'a better one' }),
      async () => ann.post(`/chats/${uri}/messages/${await last()}/reactions`, { emoji: '👍' }),
      () => set({ title: 'A & B <i>' }),
      async () => ann.post(`/chats/${uri}/messages/${await last()}/deletion`),
      async () => {
        for (let count = 0; count < 60; count++) {
          await say(count % 7 === 0 ? ann : bob, `message ${count}`)
        }
      },
      () => set({ title: '', read_only: 'true' }),
      () => set({ title: '' }),
      () => bob.post('/account', { name: 'Bob the second' }),
      () => ann.post(`/chats/${uri}/owner`, { user_id: '2' }),
    ]
    let fromMemory = 0
    for (const happens of happenings) {
      await happens()
      for (const reader of [ann, bob, carl, guest]) {
        await open(reader)
        let page = ''
        const statements = await statementsOf(async () => {
          page = withoutKeys(await open(reader))
        })
        fromMemory += statements.length === 0 ? 1 : 0
        assert.equal(page, withoutKeys((await reader.get(`/chats/${uri}`, { 'accept-encoding': 'identity' })).text))
        // Nothing can be answered to what is no message. To know that takes the long way.
        assert.equal(page, withoutKeys(await open(reader, '?reply=1')))
      }
    }
    assert.ok(fromMemory > 40, `${fromMemory}`)
  })

  it('is the same where something is new, with the line above it', async () => {
    await bob.post(`/chats/${uri}/messages`, { message: 'one' })
    await bob.post(`/chats/${uri}/messages`, { message: 'two' })
    const asked = { purpose: 'prefetch' }
    const page = withoutKeys((await ann.get(`/chats/${uri}`, asked)).text)
    assert.match(page, /id="new"/)
    assert.equal(page, withoutKeys((await ann.get(`/chats/${uri}?reply=1`, asked)).text))
  })

  it('is in gzip for those who take it, and in plain for all others, also as the answer to HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      for (const accepted of [...TAKES, ...TAKES_NOT]) {
        const { headers, body } = await raw(bob, accepted, method)
        const isCompressed = TAKES.includes(accepted)
        assert.equal(headers['content-encoding'], isCompressed ? 'gzip' : undefined, accepted)
        assert.match(headers.vary ?? '', /Accept-Encoding/)
        assert.equal(headers.etag, undefined)
        assert.equal(headers['cache-control'], 'no-store, no-cache')
        assert.ok(Number(headers['content-length']) > 1000)
        if (method === 'GET') {
          assert.equal(body.length, Number(headers['content-length']))
          assert.match(
            (isCompressed ? zlib.gunzipSync(body) : body).toString(),
            /^\s*<!doctype html>[\s\S]*<\/html>\s*$/,
          )
        }
      }
    }
  })

  it('has the owner’s new name at once, also where no event tells of it', async () => {
    assert.match(await open(bob), /Chat started by ann</)
    await site.pool.query("update users set name = 'Zoe', version = version + 1 where username = 'ann'")
    await until(async () => (await open(bob)).includes('Chat started by Zoe<'))
    assert.doesNotMatch(await open(bob), /Chat started by ann</)
  })

  it('is closed to who was removed, and has nothing of what was deleted', async () => {
    const before = await open(bob)
    const carl = await new Visitor(site).signUp('carl')
    await open(carl)
    assert.equal((await statementsOf(() => open(carl))).length, 0)
    await removeMember(site, uri, 'carl')
    // A visit would let them in again.
    const looks = async () => (await carl.get(`/chats/${uri}`, { purpose: 'prefetch' })).text
    assert.match(before, /id="log"/)
    await until(async () => !(await looks()).includes('id="log"'))
    await bob.post(`/chats/${uri}/messages`, { message: 'a word too many' })
    assert.match(await open(ann), /a word too many/)
    assert.match(await open(ann), /a word too many/)
    const id = Number((await bob.send('GET', `/api/chats/${uri}/messages/`)).json.messages.at(-1).id)
    await bob.post(`/chats/${uri}/messages/${id}/deletion`)
    bob.cookies.delete('at')
    for (const reader of [ann, bob]) {
      assert.doesNotMatch(await open(reader), /a word too many/)
    }
  })

  it('has a URL to share that begins as that of the request, whoever asked before', async () => {
    const shared = async (host: string) =>
      /id="share-url"[^>]*value="([^"]*)"[^>]*size="(\d+)"/.exec((await raw(bob, '', 'GET', { host })).body.toString())
    for (const host of ['one.example', 'another.example:8080', 'one.example']) {
      const [, url, size] = (await shared(host)) ?? []
      assert.equal(url, `http://${host}/chats/${uri}`)
      assert.equal(size, String(url?.length))
    }
  })

  it('lets no compressor see a secret, and none see two chats', async () => {
    const other = await ann.startChat()
    await open(ann)
    const seen: string[] = []
    const stop = watchCompressor(seen)
    const secrets: string[] = []
    try {
      for (const chat of [uri, other]) {
        await ann.post(`/chats/${chat}/messages`, { message: `the text of ${chat}` })
        for (const reader of [ann, bob]) {
          for (const query of ['', '']) {
            const { text } = await reader.get(`/chats/${chat}${query}`)
            secrets.push(
              ...[...text.matchAll(/name="(?:csrf|key|draft_of)" value="([^"]+)"/g)].map(([, value = '']) => value),
            )
            secrets.push(reader.cookies.get('sid') ?? '')
          }
        }
      }
    } finally {
      stop()
    }
    assert.ok(seen.length > 20 && secrets.length > 30)
    for (const text of seen) {
      assert.ok(!(text.includes(uri) && text.includes(other)), text)
      assert.deepEqual(
        secrets.filter(secret => text.includes(secret)),
        [],
      )
    }
  })

  it('is as long for one reader as for another, whatever others write to guess at their tokens', async () => {
    // The same reader by two browsers: nothing differs but the secrets.
    const again = new Visitor(site)
    await again.get('/login')
    await again.post('/login', { username: 'bob', password: PASSWORD })
    await open(again)
    await open(bob)
    const own = [bob, again].map(({ csrf }) => csrf)
    assert.notEqual(own[0], own[1])
    for (let round = 0; round < 100; round++) {
      // Ten guesses: longer and longer beginnings of what is right for one of the two, or for neither.
      const guesses = Array.from(
        { length: 10 },
        (_, n) => `value="${(own[round % 3] ?? randomKey(32)).slice(0, 4 * n)}`,
      )
      await ann.post(`/chats/${uri}/messages`, { message: guesses.join(' ') })
      await open(bob)
      const sizes = await Promise.all([bob, again].map(async reader => (await raw(reader, 'gzip')).body.length))
      assert.equal(sizes[0], sizes[1])
    }
  })

  it('is as long whatever is said in other chats, so that a member of one cannot guess at another by it', async () => {
    const other = await bob.startChat()
    const sizeOf = async (reader: Visitor, chat: string) =>
      (await raw(reader, 'gzip', 'GET', {}, `/chats/${chat}`)).body.length
    const secret = randomKey(32)
    await bob.post(`/chats/${other}/messages`, { message: `the password is ${secret}` })
    for (let round = 0; round < 50; round++) {
      // Twenty guesses at the secret of the other chat, and as many that have nothing in common with it.
      const guess = (key: string) =>
        Array.from({ length: 20 }, (_, n) => `password is ${key.slice(0, (n + round) % 43)}`).join(' ')
      const near = [guess(secret), guess(secret.split('').reverse().join(''))]
      const sizes: number[] = []
      for (const message of near) {
        await bob.get(`/chats/${other}`)
        await ann.post(`/chats/${uri}/messages`, { message })
        await ann.get(`/chats/${uri}`)
        const mine = await sizeOf(ann, uri)
        await bob.post(`/chats/${other}/messages`, { message: 'something else' })
        await bob.get(`/chats/${other}`)
        sizes.push(mine - (await sizeOf(ann, uri)))
      }
      assert.deepEqual(sizes, [0, 0])
    }
  })

  it('takes 40 kB with everything it needs, the first time that somebody opens it', async () => {
    for (let count = 0; count < 50; count++) {
      await [ann, bob][count % 2]?.post(`/chats/${uri}/messages`, {
        message: Array.from(
          { length: 3 + (count % 7) },
          (_, n) => WORDS[(count * count + n * 5 + count) % WORDS.length],
        ).join(' '),
      })
    }
    const carl = await new Visitor(site).signUp('carl')
    const { body } = await raw(carl, 'gzip, deflate, br')
    const page = zlib.gunzipSync(body).toString()
    assert.equal(page.match(/class="message[ "]/g)?.length, 50)
    const needed = page
      .replace(/<noscript>[\s\S]*?<\/noscript>/g, '')
      .matchAll(/<(?:link rel="(?:stylesheet|icon|manifest)"|script)[^>]* (?:href|src)="([^"]+)"/g)
    let bytes = body.length
    for (const [, path = ''] of needed) {
      bytes += (await raw(carl, 'gzip, deflate, br', 'GET', {}, path)).body.length
    }
    console.log(`      the page ${body.length} bytes, everything ${bytes}`)
    assert.ok(bytes > 10_000 && bytes <= 40_000, `${bytes}`)
    assert.ok(body.length <= 8000, `${body.length}`)
  })

  async function open(visitor: Visitor, query = ''): Promise<string> {
    const { status, text } = await visitor.get(`/chats/${uri}${query}`)
    assert.equal(status, 200)
    return text
  }

  /** An answer as it is sent. */
  function raw(
    visitor: Visitor,
    accepted: string,
    method = 'GET',
    more: Record<string, string> = {},
    path = `/chats/${uri}`,
  ): Promise<SentAnswer> {
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html', cookie, ...(accepted ? { 'accept-encoding': accepted } : {}), ...more }
    return asSent(site, path, headers, method)
  }
})

describe('what a page shows around its log', () => {
  it('is kept for so many kinds of readers and no more, and is counted', () => {
    const surroundings = new Surroundings({} as Chat, [], 0)
    const piece = compressed('x'.repeat(10_000))
    for (let kind = 0; kind < 1000; kind++) {
      const made = surroundings.page(String(kind), () => [piece, 'log', piece])
      assert.equal(made.length, 3)
    }
    assert.ok(surroundings.bytes > 200 * 20_000 && surroundings.bytes < 200 * 21_000, `${surroundings.bytes}`)
    let again = 0
    surroundings.page('1', () => [String(again++)])
    surroundings.page('999', () => [String(again++)])
    assert.equal(again, 1)
  })
})

const WORDS =
  'I you we they are is was were coming going tonight tomorrow later soon yes no maybe thanks please see have seen it that what when where who the a park train house film dinner bread wine'.split(
    ' ',
  )

/** The page without what is another each time. */
