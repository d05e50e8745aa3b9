import assert from 'node:assert/strict'
import { changePassword, findUser } from '../../src/db/users.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import {
  ChatSocket,
  cutStreams,
  type OpenAnswer,
  openEvents,
  openFrame,
  openPageEvents,
  openSocket,
} from '../support/streams.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const SETTINGS = {
  'on two processes that tell each other nothing': { env: { BUS: 'off' }, sites: 2 },
  'on one process': { env: {}, sites: 1 },
}

for (const [where, { env, sites: count }] of Object.entries(SETTINGS)) {
  /** On two processes signing out and a removal stand for the rest, which ends by the same statement. */
  const long = count > 1 ? ' @long' : ''
  describe(`the end of reading, ${where}`, () => {
    const sites: Site[] = []
    let first: Site
    before(async () => {
      first = await openSite(env)
      sites.push(first)
      while (sites.length < count) {
        sites.push(await openSite(env, first))
      }
    })
    afterEach(cutStreams)
    after(async () => {
      for (const site of sites.toReversed()) {
        await site.close()
      }
    })

    it('comes soon after signing out, for that session alone @long', async () => {
      const { uri, name } = await newChat()
      const [leaving, staying] = [await signIn(name), await signIn(name)]
      const [over, on] = [await readers(uri, [leaving]), await readers(uri, [staying])]
      await endsFor(over, () => leaving.post('/logout'), 'signed_out')
      await goesOn(uri, name, on)
    })

    it(`comes soon after the end of a token by itself, for that token alone${long}`, async () => {
      const { uri, name } = await newChat()
      const [leaving, staying] = [await takeToken(name), await takeToken(name)]
      const session = await signIn(name)
      const [over, on] = [await readers(uri, [leaving]), await readers(uri, [staying, session])]
      await endsFor(over, () => leaving.call('POST', '/auth/token/destroy/'), 'signed_out')
      await goesOn(uri, name, on)
    })

    it(`comes soon after the end of a token by another one, for that token alone${long}`, async () => {
      const { uri, name } = await newChat()
      const [leaving, staying] = [await takeToken(name), await takeToken(name)]
      const { tokens } = (await leaving.call('GET', '/auth/tokens')).json
      const { id } = tokens.find((token: { current: boolean }) => token.current)
      const [over, on] = [await readers(uri, [leaving]), await readers(uri, [staying])]
      await endsFor(over, () => staying.call('DELETE', `/auth/tokens/${id}`), 'signed_out')
      await goesOn(uri, name, on)
    })

    it(`comes soon after a session’s end by the account page of another, for that session alone${long}`, async () => {
      const { uri, name } = await newChat()
      const [leaving, staying] = [await signIn(name), await signIn(name)]
      const { sessions } = (await leaving.send('GET', '/api/account/sessions')).json
      const { id } = sessions.find((session: { current: boolean }) => session.current)
      const [over, on] = [await readers(uri, [leaving]), await readers(uri, [staying])]
      await endsFor(over, () => staying.post(`/account/sessions/${id}/end`), 'signed_out')
      await goesOn(uri, name, on)
    })

    it(`comes soon after the account’s end, for every session and token${long}`, async () => {
      const { uri, name } = await newChat()
      const [leaving, staying] = [await signIn(name), await signIn(name)]
      const over = await readers(uri, [leaving, staying, await takeToken(name)])
      await endsFor(over, () => leaving.post('/account/delete', { password: PASSWORD }), 'signed_out', 'left')
    })

    it(`comes soon after a new password, for every session and no token${long}`, async () => {
      const { uri, name } = await newChat()
      const sessions = [await signIn(name), await signIn(name)]
      const token = await takeToken(name)
      const [over, on] = [await readers(uri, sessions), await readers(uri, [token])]
      const user = await findUser(first.db, name)
      assert.ok(user)
      await endsFor(over, () => changePassword(first.db, user, user.password_hash), 'signed_out')
      await goesOn(uri, name, on)
    })

    it('comes soon after the removal of a member, by whatever they read, and with nothing that is posted since', async () => {
      const { uri, name: owner } = await newChat()
      const { name } = await newChat()
      const [session, token] = [await signIn(name), await takeToken(name)]
      await token.join(uri)
      const { uri: elsewhere } = await newChat(name)
      const [over, on] = [await readers(uri, [session, token]), await readers(uri, [await takeToken(owner)])]
      const elsewhereOn = await readers(elsewhere, [token])
      const poster = await takeToken(owner, sites.at(-1))
      await endsFor(
        over,
        async () => {
          await removeMember(first, uri, name)
          assert.equal((await poster.post(uri, 'behind their back')).status, 201)
        },
        'removed',
      )
      await goesOn(uri, owner, on)
      await goesOn(elsewhere, name, elsewhereOn)
      for (const { stream } of over) {
        assert.ok(!JSON.stringify(stream instanceof ChatSocket ? stream.events : stream.text).includes('behind'))
      }
      // The others have it.
      for (const { stream, how } of on) {
        const got = JSON.stringify(stream instanceof ChatSocket ? stream.events : stream.text)
        assert.ok(got.includes('behind their back'), how)
      }
    })

    it(`comes soon after the end of the chat, by whatever anybody reads${long}`, async () => {
      const { uri, name: owner } = await newChat()
      const { name } = await newChat()
      const [session, token] = [await signIn(name), await takeToken(name)]
      await token.join(uri)
      const ends = await takeToken(owner, sites.at(-1))
      const over = await readers(uri, [session, token, ends])
      await endsFor(
        over,
        () => ends.call('DELETE', `/api/chats/${uri}/`, { name: `Chat started by ${owner}` }),
        'deleted',
      )
      assert.equal((await token.join(uri)).status, 404)
      assert.equal((await session.get(`/chats/${uri}`)).status, 404)
    })

    let names = 0

    /** A chat of a new user's, or of a known one's. */
    async function newChat(name?: string) {
      const owner = name ? await takeToken(name) : await signUpProgram(first, `user${++names}`)
      return { uri: await owner.startChat(), name: name ?? `user${names}` }
    }

    async function signIn(username: string): Promise<Visitor> {
      const visitor = new Visitor(first)
      await visitor.get('/login')
      assert.equal((await visitor.post('/login', { username, password: PASSWORD })).status, 303)
      await visitor.get('/')
      return visitor
    }

    async function takeToken(username: string, site = first): Promise<Program> {
      const { json } = await new Program(site).call('POST', '/auth/token/create/', { username, password: PASSWORD })
      return new Program(site, json.auth_token)
    }

    /** Every kind of stream on every site, for each of them; all have caught up. */
    async function readers(uri: string, who: (Visitor | Program)[]): Promise<Reading[]> {
      const opened: Reading[] = []
      for (const site of sites) {
        for (const reader of who) {
          const streams = {
            events: await openEvents(site, `/api/chats/${uri}/live/?after=0`, reader),
            'page events': await openPageEvents(site, `/chats/${uri}/live?after=0`, reader),
            frame: await openFrame(site, `/chats/${uri}/live`, reader),
            socket: await openSocket(site, `/api/chats/${uri}/live/?after=0`, reader, { origin: site.url }),
          }
          for (const [how, stream] of Object.entries(streams)) {
            const poll = () => pollStatuses(site, uri, reader)
            opened.push({ how: `${how} of a ${reader.constructor.name}`, stream, poll })
          }
          await streams.events.reaches(1)
          await streams['page events'].shows('tail--slow')
          await streams.frame.shows('id="event-1"')
          await streams.socket.reaches(1)
          // From memory from now on.
          assert.deepEqual(await pollStatuses(site, uri, reader), [200, 200])
        }
      }
      return opened
    }

    async function endsFor(over: Reading[], act: () => Promise<unknown>, ...reasons: string[]) {
      const status = reasons.includes('signed_out') ? 401 : 404
      const before = over.map(({ stream }) => isOver(stream))
      assert.ok(before.every(ended => !ended))
      await act()
      const begun = performance.now()
      await Promise.all(
        over.map(async ({ how, stream, poll }) => {
          const ending = stream instanceof ChatSocket ? stream.closed() : stream.over()
          const refused = until(async () => (await poll()).every(answered => answered === status))
          await Promise.all([ending, refused]).catch(error => {
            throw new Error(`${how}: ${error.message}`)
          })
          assert.deepEqual(await poll(), [status, status])
        }),
      )
      // 2 s are promised.
      console.log(`      after ${(performance.now() - begun).toFixed(0)} ms`)
      for (const { stream, how } of over) {
        if (stream instanceof ChatSocket) {
          // RFC 6455, section 7.4.1: the policy says no.
          assert.equal((await stream.closed()).code, 1008)
        } else if (how.startsWith('events')) {
          assert.equal(await stream.over(), 'end')
          assert.match(stream.text, /event: gone\n/)
          const [, reason = ''] = /data: \{"event":"gone","reason":"(\w+)"\}\n/.exec(stream.text) ?? []
          assert.ok(reasons.includes(reason), stream.text.slice(-200))
        }
      }
    }

    async function goesOn(uri: string, name: string, on: Reading[]) {
      const { version } = (await (await takeToken(name)).post(uri, 'on it goes')).json
      for (const { stream, poll } of on) {
        if (stream instanceof ChatSocket) {
          await stream.reaches(version)
        } else {
          await stream.shows('on it goes')
        }
        assert.ok(!isOver(stream))
        assert.deepEqual(await poll(), [200, 200])
      }
    }
  })
}

interface Reading {
  how: string
  stream: OpenAnswer | ChatSocket
  /** The statuses of the page's poll and of the list. */
  poll: () => Promise<number[]>
}

const isOver = (stream: OpenAnswer | ChatSocket) =>
  stream instanceof ChatSocket ? stream.wire.readyState !== stream.wire.OPEN : stream.ending !== undefined

async function pollStatuses(site: Site, uri: string, reader: Visitor | Program): Promise<number[]> {
  const here =
    reader instanceof Program
      ? new Program(site, reader.token)
      : Object.assign(new Visitor(site), { cookies: new Map(reader.cookies) })
  const paths = [`/chats/${uri}/messages?after=0`, `/api/chats/${uri}/messages/?after=0`]
  const headers: Record<string, string>[] = [{ 'hx-request': 'true' }, {}]
  const answers = paths.map((path, n) =>
    here instanceof Program
      ? here.call('GET', path, undefined, headers[n])
      : here.send('GET', path, undefined, headers[n]),
  )
  return (await Promise.all(answers)).map(({ status }) => status)
}
