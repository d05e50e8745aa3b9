import assert from 'node:assert/strict'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import {
  cutStreams,
  openEvents,
  openFrame,
  openPageEvents,
  openSocket,
  type Reader,
  refusedSocket,
} from '../support/streams.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

/** What a reader gets: the status, and what came with it so far. */
interface Outcome {
  status: number
  text: string
  location: string | null
}

type Read = (site: Site, path: string, reader: Reader) => Promise<Outcome>

/** Asks for something that ends. */
const asked =
  (headers: Record<string, string>): Read =>
  async (site, path, reader) => {
    const who = reader ?? new Program(site)
    const answer =
      who instanceof Program
        ? await who.call('GET', path, undefined, headers)
        : await who.send('GET', path, undefined, headers)
    return { status: answer.status, text: answer.text, location: answer.headers.get('location') }
  }

/** Opens something that goes on, until the member's message has come or it is refused. */
const opened =
  (open: typeof openFrame): Read =>
  async (site, path, reader) => {
    const stream = await open(site, path, reader)
    if (stream.status === 200) {
      await stream.shows(SECRET)
    } else {
      await stream.over()
    }
    return { status: stream.status, text: stream.text, location: stream.headers.get('location') }
  }

const socket: Read = async (site, path, reader) => {
  const headers = { origin: site.url }
  try {
    const { status, text, headers: answered } = await refusedSocket(site, path, reader, headers)
    return { status, text, location: answered.get('location') }
  } catch {
    const { next } = await openSocket(site, path, reader, headers).then(open => ({ next: () => open.reaches(2) }))
    await next()
    return { status: 101, text: SECRET, location: null }
  }
}

const SECRET = 'for members only'

const WAYS: { way: string; path: (uri: string) => string; read: Read; granted?: number }[] = [
  {
    way: 'the page’s poll',
    path: uri => `/chats/${uri}/messages?after=0`,
    read: asked({ accept: 'text/html', 'hx-request': 'true' }),
  },
  { way: 'the list', path: uri => `/api/chats/${uri}/messages?after=0`, read: asked({}) },
  { way: 'a program’s events', path: uri => `/api/chats/${uri}/live?after=0`, read: opened(openEvents) },
  { way: 'the page’s events', path: uri => `/chats/${uri}/live?after=0`, read: opened(openPageEvents) },
  { way: 'the frame', path: uri => `/chats/${uri}/live`, read: opened(openFrame) },
  { way: 'a WebSocket', path: uri => `/api/chats/${uri}/live?after=0`, read: socket, granted: 101 },
]

describe('reading on', () => {
  let site: Site
  let uri: string
  /** Who asks, and what they get: the status of a member's own way where they may read. */
  const readers: Record<string, { who: Reader; status?: number }> = {}

  before(async () => {
    site = await openSite()
    const owner = await signUpProgram(site, 'the-owner')
    uri = await owner.startChat()
    await owner.post(uri, SECRET)

    const joined = async <R extends Visitor | Program>(who: R): Promise<R> => {
      const answer = who instanceof Program ? await who.join(uri) : await who.get(`/chats/${uri}`)
      assert.equal(answer.status, 200)
      return who
    }
    const visitor = async (name: string) => new Visitor(site).signUp(name)
    const cookie = (value: string) => {
      const who = new Visitor(site)
      who.cookies.set('sid', value)
      return who
    }

    const signedOut = await joined(await visitor('signed-out'))
    const ended = cookie(signedOut.cookies.get('sid') ?? '')
    assert.equal((await signedOut.post('/logout')).status, 303)
    const revoked = await joined(await signUpProgram(site, 'revoked'))
    assert.equal((await revoked.call('POST', '/auth/token/destroy/')).status, 204)
    const removed = await joined(await visitor('removed'))
    const removedProgram = await joined(await signUpProgram(site, 'removed-program'))
    await removeMember(site, uri, 'removed')
    await removeMember(site, uri, 'removed-program')
    const back = await joined(await signUpProgram(site, 'back'))
    await removeMember(site, uri, 'back')
    await joined(back)
    // Whose other session has ended is still signed in with this one.
    const elsewhere = await joined(await visitor('elsewhere'))
    const other = new Visitor(site)
    await other.get('/login')
    await other.post('/login', { username: 'elsewhere', password: PASSWORD })
    await other.get('/')
    await other.post('/logout')

    Object.assign(readers, {
      'no credentials': { who: undefined, status: 401 },
      'an unknown session': { who: cookie('A'.repeat(43)), status: 401 },
      'an ended session': { who: ended, status: 401 },
      'an unknown token': { who: new Program(site, 'A'.repeat(43)), status: 401 },
      'a revoked token': { who: revoked, status: 401 },
      'a stranger’s session': { who: await visitor('stranger'), status: 404 },
      'a stranger’s token': { who: await signUpProgram(site, 'stranger-program'), status: 404 },
      'a removed member’s session': { who: removed, status: 404 },
      'a removed member’s token': { who: removedProgram, status: 404 },
      'a member’s session': { who: elsewhere },
      'a member’s token': { who: await joined(await signUpProgram(site, 'member')) },
      'the token of a member who came back': { who: back },
    })
  })
  afterEach(cutStreams)
  after(() => site.close())

  for (const { way, path, read, granted = 200 } of WAYS) {
    for (const slash of [false, true]) {
      it(`by ${way}, ${slash ? 'with' : 'without'} a slash at the end, is for members alone`, async () => {
        const written = slash ? path(uri).replace(/(?=\?|$)/, '/') : path(uri)
        const outcomes = new Map<string, number>()
        for (const [name, { who, status = granted }] of Object.entries(readers)) {
          const outcome = await read(site, written, who)
          outcomes.set(name, outcome.status)
          assert.equal(outcome.status, status, name)
          assert.equal(outcome.location, null, name)
          assert.equal(outcome.text.includes(SECRET), status === granted, name)
          assert.notEqual(outcome.text, '', name)
        }
        assert.equal(outcomes.size, 12)
      })
    }
  }

  it('by any way tells a stranger nothing of whether there is such a chat', async () => {
    const { who } = readers['a stranger’s token'] ?? {}
    for (const { way, path, read } of WAYS) {
      const [stranger, unknown] = [
        await read(site, path(uri), who),
        await read(site, path('A'.repeat(uri.length)), who),
      ]
      assert.equal(stranger.status, unknown.status, way)
      assert.equal(stranger.text.replaceAll(uri, ''), unknown.text.replaceAll('A'.repeat(uri.length), ''), way)
    }
  })
})
