import assert from 'node:assert/strict'
import { connect } from 'node:net'
import zlib from 'node:zlib'
import { createReset } from '../../src/db/resets.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { withoutKeys } from '../support/form-keys.js'
import { asSent, type SentAnswer, TAKES, TAKES_NOT, watchCompressor } from '../support/sent.js'
import { openSite, type Site } from '../support/site.js'
import { fillChat } from '../support/streams.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('an answer in gzip', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let program: Program
  /** Three chats of ann and bob, with what is said there. */
  let uris: string[]

  beforeEach(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    program = await signUpProgram(site, 'program')
    uris = [await ann.startChat(), await ann.startChat(), await ann.startChat()]
    for (const [place, uri] of uris.entries()) {
      await bob.get(`/chats/${uri}`)
      await program.join(uri)
      for (let count = 0; count < 5; count++) {
        await bob.post(`/chats/${uri}/messages`, {
          message: `Grüße 👋🏽 <b> **${place}** @ann ${'word '.repeat(count * 15)}`,
        })
      }
    }
    await ann.post(`/chats/${uris[1]}/settings`, { title: 'A & B <i>', guests: 'true' })
    await ann.get(`/chats/${uris[2]}`)
    await ann.get('/')
  })
  afterEach(() => site.close())

  const pages = () => [
    '/',
    `/?before=${Date.now()}999-99999`,
    '/search',
    '/search?q=word',
    '/search?q=nothing',
    `/chats/${uris[0]}/search?q=word`,
  ]
  const lists = () => [
    '/api/chats/',
    '/api/chats/?limit=2',
    '/api/search/?q=word',
    `/api/chats/${uris[0]}/search/?q=word`,
    `/api/chats/${uris[0]}/messages/`,
    `/api/chats/${uris[0]}/messages/?after=0`,
    `/api/chats/${uris[0]}/`,
    `/api/chats/${uris[0]}/members/?limit=1000`,
  ]
  const asReader = ({ cookies }: Visitor = ann) => ({
    accept: 'text/html',
    cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
  })
  const asProgram = () => ({ authorization: `Token ${program.token}` })
  const asFragment = () => ({ ...asReader(), 'hx-request': 'true' })

  /** Asks for it in both ways. */
  async function both(path: string, headers: Record<string, string>) {
    const [plain, inGzip] = [
      await asSent(site, path, headers),
      await asSent(site, path, { ...headers, 'accept-encoding': 'gzip' }),
    ]
    assert.equal(plain.status, 200)
    assert.equal(plain.headers['content-encoding'], undefined)
    return { plain, inGzip }
  }

  it('is the answer in plain, for pages, fragments and lists, whatever is in them', async () => {
    const awkward = [`"quoted" & <b>'`, '=%3D', 'ü ö', "it's (not) ~ a ! star *", 'word '.repeat(30)]
    const searches = awkward.map(q => `/search?q=${encodeURIComponent(q)}`)
    for (const name of ['ann', `O'Neil & "co" <b>`, 'Zoë 👋🏽']) {
      await ann.post('/account', { name })
      for (const [path, headers] of [
        ...[...pages(), ...searches].map(path => [path, asReader()] as const),
        ['/chats', asFragment()] as const,
        [`/chats?beside=1`, asFragment()] as const,
        ...[...lists(), ...searches.map(path => path.replace('?', '/?').replace('/', '/api/'))].map(
          path => [path, asProgram()] as const,
        ),
        [`/api/chats/${uris[0]}/messages/`, { ...asProgram(), accept: 'text/plain' }] as const,
        [`/api/chats/${uris[0]}/`, { ...asProgram(), accept: 'text/plain' }] as const,
      ]) {
        const { plain, inGzip } = await both(path, headers)
        const isCompressed = plain.body.length >= 1100 || plain.headers['content-type']?.startsWith('text/html')
        assert.ok(inGzip.headers['content-encoding'] === 'gzip' || !isCompressed, path)
        assert.equal(withoutKeys(textOf(inGzip)), withoutKeys(plain.body.toString()), path)
        assert.ok(inGzip.body.length < plain.body.length * (plain.body.length > 3000 ? 0.8 : 1.01), path)
        for (const { headers } of [plain, inGzip]) {
          assert.match(headers.vary ?? '', /Accept-Encoding/)
        }
        assert.equal(plain.headers.etag, inGzip.headers.etag)
      }
    }
  })

  it('is the answer in plain where it is so long that another thread compresses it', async () => {
    const [uri = ''] = uris
    await fillChat(site, uri, 500)
    await program.post(uri, `the link is ${uri}, and Grüße 👋🏽`)
    const { plain, inGzip } = await both(`/api/chats/${uri}/messages/?limit=1000`, asProgram())
    assert.ok(plain.body.length > 100_000 && inGzip.body.length < plain.body.length / 3)
    assert.equal(textOf(inGzip), plain.body.toString())
    assert.ok(inGzip.body.includes(uri))
  })

  it('is stored where messages are full of links, each of which would cost the compressor as much as a text', async () => {
    const [uri = ''] = uris
    for (let count = 0; count < 3; count++) {
      assert.equal((await program.post(uri, `${uri} `.repeat(60))).status, 201)
    }
    for (const accept of ['application/json', 'text/plain']) {
      const { plain, inGzip } = await both(`/api/chats/${uri}/messages/`, { ...asProgram(), accept })
      assert.equal(textOf(inGzip), plain.body.toString())
      assert.ok(inGzip.body.length > plain.body.length)
    }
    const { plain, inGzip } = await both('/', asReader())
    assert.equal(withoutKeys(textOf(inGzip)), withoutKeys(plain.body.toString()))
  })

  it('shows what changes at once', async () => {
    const [uri = ''] = uris
    const shown = async () => textOf(await asSent(site, '/', { ...asReader(), 'accept-encoding': 'gzip' }))
    await bob.post(`/chats/${uri}/messages`, { message: `a word too many, ${'and more of it '.repeat(30)}` })
    assert.match(await shown(), /a word too many/)
    const id = (await bob.send('GET', `/api/chats/${uri}/messages/`)).json.messages.at(-1).id
    await bob.post(`/chats/${uri}/messages/${id}`, { message: 'another word' })
    assert.match(await shown(), /<bdi>another word<\/bdi>/)
    await bob.post(`/chats/${uri}/messages/${id}/deletion`)
    assert.doesNotMatch(await shown(), /another word|a word too many/)
    assert.match(await shown(), /deleted message/)
    await ann.post(`/chats/${uri}/settings`, { title: 'Another title', guests: 'true' })
    assert.match(await shown(), /<bdi>Another title<\/bdi>/)
  })

  it('goes to those who take it, and plain ones to all others, also as the answer to HEAD', async () => {
    for (const [path, headers] of [
      ['/', asReader()],
      ['/chats', asFragment()],
      ['/search?q=word', asReader()],
      ['/api/chats/', asProgram()],
      ['/api/search/?q=word', asProgram()],
      [`/api/chats/${uris[0]}/messages/`, asProgram()],
    ] as const) {
      for (const method of path === '/chats' ? ['GET'] : ['GET', 'HEAD']) {
        for (const accepted of [...TAKES, ...TAKES_NOT]) {
          const encoding: Record<string, string> = accepted ? { 'accept-encoding': accepted } : {}
          const answer = await asSent(site, path, { ...headers, ...encoding }, method)
          const isCompressed = TAKES.includes(accepted)
          assert.equal(answer.headers['content-encoding'], isCompressed ? 'gzip' : undefined, `${path} ${accepted}`)
          assert.match(answer.headers.vary ?? '', /Accept-Encoding/)
          if (method === 'GET') {
            assert.equal(answer.body.length, Number(answer.headers['content-length']))
            assert.ok(textOf(answer).length > 1000)
          } else {
            assert.equal(answer.body.length, 0)
            assert.ok(Number(answer.headers['content-length']) > 200)
          }
        }
      }
    }
  })

  it('goes to HTTP/1.0 too, which nginx speaks', async () => {
    for (const [path, headers] of [
      ['/', asReader()],
      [`/api/chats/${uris[0]}/messages/`, asProgram()],
    ] as const) {
      const { hostname, port } = new URL(site.url)
      const socket = connect(Number(port), hostname)
      const lines = Object.entries({ ...headers, 'accept-encoding': 'gzip' }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      )
      socket.write(`GET ${path} HTTP/1.0\r\nhost: x\r\n${lines.join('')}\r\n`)
      const answer = Buffer.concat(await socket.toArray())
      const end = answer.indexOf('\r\n\r\n')
      assert.match(answer.subarray(0, end).toString(), /^HTTP\/1\.1 200 [\s\S]*\r\ncontent-encoding: gzip/i)
      assert.ok(zlib.gunzipSync(answer.subarray(end + 4)).length > 1000)
    }
  })

  it('is 304 where its tag is known, in both forms', async () => {
    for (const path of lists()) {
      const { inGzip } = await both(path, asProgram())
      // A chat and its members say who is here.
      const tag = inGzip.headers.etag ?? ''
      assert.match(tag, /^W\//)
      for (const accepted of ['gzip', 'identity']) {
        const again = await asSent(site, path, { ...asProgram(), 'if-none-match': tag, 'accept-encoding': accepted })
        assert.equal(again.status, 304, path)
        assert.equal(again.body.length, 0)
        assert.equal(again.headers['content-encoding'], undefined)
        assert.match(again.headers.vary ?? '', /Accept-Encoding/)
      }
    }
  })

  it('is nothing that has a secret: accounts, tokens, sessions, links, resets', async () => {
    const key = randomKey()
    await createReset(site.db, 1, keyHash(key))
    // So many that their lists are long enough.
    await site.pool.query(`
      insert into sessions (id_hash, user_id) select sha256((n || username)::bytea), id from users, generate_series(1, 20) n;
      insert into tokens (key_hash, user_id) select sha256((n || username)::bytea), id from users, generate_series(1, 20) n`)
    const taking = { 'accept-encoding': 'gzip' }
    for (const [path, headers] of [
      ['/account', asReader()],
      ['/login', { accept: 'text/html' }],
      ['/signup', { accept: 'text/html' }],
      ['/', { accept: 'text/html' }],
      [`/reset/${key}`, { accept: 'text/html' }],
      [`/chats/${uris[0]}/invite`, asReader()],
      [`/chats/${uris[0]}/settings`, asReader()],
      ['/api/account/', asProgram()],
      ['/api/account/sessions/', asProgram()],
      ['/auth/tokens/', asProgram()],
      [`/api/chats/${uris[0]}/invite/`, asProgram()],
      [`/api/chats/${uris[0]}/bots/`, asProgram()],
      ['/api/events/', asProgram()],
    ] as const) {
      const { headers: answered } = await asSent(site, path, { ...headers, ...taking })
      assert.equal(answered['content-encoding'], undefined, path)
    }
    const made = await asSent(site, `/api/chats/${uris[0]}/messages/`, { ...asProgram(), ...taking }, 'POST')
    assert.equal(made.headers['content-encoding'], undefined)
  })

  it('is of a compressor that sees no secret, no query, and never two chats', async () => {
    const seen: string[] = []
    const secrets = new Set<string>()
    const stop = watchCompressor(seen)
    try {
      const query = 'word'
      const unusual = randomKey(16)
      for (const [path, headers] of [
        ...pages().map(path => [path, asReader()] as const),
        ['/chats', asFragment()] as const,
        [`/search?q=${query}+-${unusual}`, asReader()] as const,
        [`/chats/${uris[0]}/search?q=${query}+-${unusual}`, asReader()] as const,
        ...[...lists(), `/api/search/?q=${query}+-${unusual}`].map(path => [path, asProgram()] as const),
      ]) {
        const answer = await asSent(site, path, { ...headers, 'accept-encoding': 'gzip' })
        for (const [, value = ''] of textOf(answer).matchAll(/name="(?:csrf|key|have)" value="([^"]+)"/g)) {
          secrets.add(value)
        }
      }
      for (const secret of [unusual, program.token ?? '', ann.cookies.get('sid') ?? '', ...uris]) {
        secrets.add(secret)
      }
    } finally {
      stop()
    }
    assert.ok(seen.length > 20 && secrets.size > 10, `${seen.length} ${secrets.size}`)
    for (const text of seen) {
      assert.deepEqual(
        [...secrets].filter(secret => text.includes(secret)),
        [],
      )
      const chats = uris.filter((_, place) => text.includes(`<b> ${place}`) || text.includes(`**${place}**`))
      assert.ok(chats.length < 2, text)
    }
  })

  it('is as long for one reader as for another, whatever others write to guess at their tokens', async () => {
    const again = new Visitor(site)
    await again.get('/login')
    await again.post('/login', { username: 'ann', password: PASSWORD })
    await again.get('/')
    const own = [ann, again].map(({ csrf }) => csrf)
    assert.notEqual(own[0], own[1])
    for (let round = 0; round < 30; round++) {
      const guess = own[round % 3] ?? randomKey(32)
      // One of the list, and one that is searched for.
      const beginning = guess.slice(0, 4 + (round % 10) * 4)
      await bob.post(`/chats/${uris[0]}/messages`, { message: `value="${beginning}" word` })
      for (const path of ['/', `/search?q=word+%22${beginning}%22`]) {
        const sizes = await Promise.all([ann, again].map(reader => sizeOf(path, asReader(reader))))
        assert.equal(sizes[0], sizes[1], path)
      }
    }
  })

  it('is as long whatever another chat of the list says, so that a member of one cannot guess at it', async () => {
    const [mine = '', other = ''] = uris
    const [secret, unlike] = [randomKey(32), randomKey(32)]
    for (const uri of [mine, other]) {
      await bob.post(`/chats/${uri}/messages`, { message: 'to be said' })
    }
    /** Without an edit, whose time would have a length of its own. */
    const says = (uri: string, text: string) =>
      site.pool.query(
        `update events set text = $2 from chats, links
         where chats.id = events.chat_id and links.chat_id = chats.id and links.uri = $1
           and events.version = chats.last_message`,
        [uri, text],
      )
    for (let round = 1; round < 15; round++) {
      for (const [path, headers] of [
        ['/', asReader()],
        ['/chats', asFragment()],
        ['/search?q=word', asReader()],
        ['/api/chats/', asProgram()],
        ['/api/search/?q=word', asProgram()],
      ] as const) {
        const gains: number[] = []
        for (const said of [secret, unlike]) {
          await says(other, `the password is ${said} word`)
          const sizes: number[] = []
          // What shares a beginning with the secret, and what shares nothing.
          for (const guess of [secret, [...secret].reverse().join('')]) {
            await says(mine, `the password is ${guess.slice(0, 3 * round)} word`)
            sizes.push(await sizeOf(path, headers))
          }
          gains.push((sizes[0] ?? 0) - (sizes[1] ?? 0))
        }
        assert.equal(gains[0], gains[1], path)
      }
    }
  })

  async function sizeOf(path: string, headers: Record<string, string>) {
    return (await asSent(site, path, { ...headers, 'accept-encoding': 'gzip' })).body.length
  }
})

function textOf({ headers, body }: SentAnswer): string {
  return (headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(body) : body).toString()
}
