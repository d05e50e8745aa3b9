import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { createChat } from '../../src/db/chats.js'
import { randomKey } from '../../src/keys.js'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import { withClockStopped } from '../support/clock.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const WRONG = 'wrong horse battery'

describe('limits', () => {
  /** Behind one proxy, so that a test can come from wherever it likes. */
  let site: Site
  before(async () => {
    site = await openSite({ LIMITS: 'on', TRUST_PROXY: '1' })
  })
  after(() => site.close())

  const signIn = (username: string, password: string, from: string) =>
    new Program(site).call('POST', '/auth/token/create/', { username, password }, { 'x-forwarded-for': from })
  const signUp = (username: string, from: string) =>
    new Program(site).call('POST', '/auth/users/create/', { username, password: PASSWORD }, { 'x-forwarded-for': from })

  const by = (address: string) => ({ 'x-forwarded-for': address })

  /** A browser at that address, or at another of that network with each request. */
  function comeFrom(address: string): Visitor {
    const visitor = new Visitor(site)
    const { send } = visitor
    let n = 0
    visitor.send = (method, path, body, headers = {}) =>
      send.call(visitor, method, path, body, {
        ...by(address.endsWith('.') ? `${address}${++n}` : address),
        ...headers,
      })
    return visitor
  }

  async function enter(visitor: Visitor, username: string, password: string): Promise<Answer> {
    await visitor.get('/login')
    return visitor.post('/login', { username, password })
  }

  describe('signing in', () => {
    // Each name takes ten tries, and each try a hash.
    it('is limited by name, from wherever it is tried and however the name is written', async () => {
      await signUp('ann', '10.1.0.1')
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        const name = ['ann', 'ANN', 'ａｎｎ'][n % 3] ?? ''
        assert.equal((await signIn(name, WRONG, `10.1.1.${n}`)).status, 400, String(n))
      }
      const refused = await signIn('Ann', PASSWORD, '10.1.2.1')
      assertProblem(refused, 429)
      assert.equal(refused.status, 429)
      assertRetryAfter(refused, 90)
    })

    it('is limited by name for names that nobody has, in the same words', async () => {
      const answers: Answer[] = []
      for (let n = 1; n <= LIMITS.logins.burst + 1; n++) {
        answers.push(await signIn('nobody-here', WRONG, `10.2.1.${n}`))
      }
      assert.deepEqual(
        answers.map(answer => answer.status),
        [...Array(LIMITS.logins.burst).fill(400), 429],
      )
      const { detail } = (await signIn('ann', PASSWORD, '10.2.2.1')).json
      assert.equal(answers.at(-1)?.json.detail, detail)
    })

    it('is limited by address, whatever the names', async () => {
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        assert.equal((await signIn(`name-${n}`, WRONG, '10.3.0.1')).status, 400, String(n))
      }
      const refused = await signIn('name-0', WRONG, '10.3.0.1')
      assert.equal(refused.status, 429)
      assertRetryAfter(refused, 90)
      assert.equal((await signIn('name-0', WRONG, '10.3.0.2')).status, 400)
    })

    it('is limited by what one subscriber may have of IPv6, the /48, and not by more', async () => {
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        assert.equal((await signIn(`six-${n}`, WRONG, `2001:db8:1:${n}:${n}::${n}`)).status, 400, String(n))
      }
      assert.equal((await signIn('six-0', WRONG, '2001:db8:1:ffff:ffff::1')).status, 429)
      assert.equal((await signIn('six-0', WRONG, '2001:db8:2:1::1')).status, 400)
    })

    it('is limited by an address however it is written', async () => {
      for (const [n, spellings] of [
        [
          '198.51.100.7',
          '198.51.100.7:4711',
          ' 198.51.100.7 ',
          '::ffff:198.51.100.7',
          '[::ffff:198.51.100.7]:80',
          '0:0:0:0:0:FFFF:C633:6407',
          '::FFFF:c633:6407%eth0',
        ],
        [
          '2001:db8:77::1',
          '[2001:db8:77::1]',
          '[2001:db8:77::1]:4711',
          '2001:DB8:77::1',
          '2001:0db8:0077:0000:0000:0000:0000:0001',
          '2001:db8:77:0:0::0.0.0.1',
          '2001:db8:77::1%eth0',
        ],
      ].entries()) {
        for (let tried = 0; tried < LIMITS.logins.burst; tried++) {
          const from = spellings[tried % spellings.length] ?? ''
          assert.equal((await signIn(`spelt-${n}-${tried}`, WRONG, from)).status, 400, from)
        }
        for (const from of spellings) {
          assert.equal((await signIn(`spelt-${n}`, WRONG, from)).status, 429, from)
        }
      }
    })

    it('is limited by the /64 of local addresses, whose /48 is a whole site', async () => {
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        assert.equal((await signIn(`local-${n}`, WRONG, `fd00:1:1:1::${n}`)).status, 400, String(n))
      }
      assert.equal((await signIn('local-0', WRONG, 'fd00:1:1:1::ffff')).status, 429)
      assert.equal((await signIn('local-0', WRONG, 'fd00:1:1:2::1')).status, 400)
    })

    it('goes on in a browser that has signed in under that name before, which has tries of its own', async () => {
      const owner = await comeFrom('10.20.0.1').signUpByForm('fred')
      const device = owner.cookies.get('device') ?? ''
      assert.match(device, /^[\w-]{65}$/)
      await owner.post('/logout')
      assert.equal(owner.cookies.get('device'), device, 'signing out leaves it')
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        await signIn('fred', WRONG, `10.20.1.${n}`)
      }
      assert.equal((await signIn('fred', PASSWORD, '10.20.2.1')).status, 429, 'the name has no tries left')
      assert.equal((await enter(owner, 'FRED', PASSWORD)).status, 303, 'its owner goes on, however it is written')

      // Each success starts anew, so that whoever has stolen the key cannot use up its tries.
      const renewed = owner.cookies.get('device') ?? ''
      assert.notEqual(renewed, device)
      const own = comeFrom('10.20.3.')
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        own.cookies.set('device', renewed)
        assert.equal((await enter(own, 'fred', WRONG)).status, 422, String(n))
      }
      own.cookies.set('device', renewed)
      assert.equal((await enter(own, 'fred', PASSWORD)).status, 429, 'guessing is as slow by it')
    })

    it('does not go on by a device cookie of another name, or a made up one', async () => {
      const [gwen, hugo] = [
        await comeFrom('10.21.0.1').signUpByForm('gwen'),
        await comeFrom('10.21.0.2').signUpByForm('hugo'),
      ]
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        await signIn('gwen', WRONG, `10.21.1.${n}`)
      }
      const [own, others] = [gwen, hugo].map(({ cookies }) => cookies.get('device') ?? '')
      const flipped = own?.replace(/.$/, last => (last === 'A' ? 'E' : 'A'))
      for (const device of [
        others,
        `B${own?.slice(1)}`,
        flipped,
        own?.slice(0, 22),
        `${own?.slice(0, 22)}${others?.slice(22)}`,
        // Beyond what a browser is given, nothing is looked at.
        `${`${others}.`.repeat(LIMITS.namesPerDevice)}${own}`,
        '.'.repeat(4000),
      ]) {
        const visitor = comeFrom('10.21.2.')
        visitor.cookies.set('device', device ?? '')
        assert.equal((await enter(visitor, 'gwen', PASSWORD)).status, 429, device)
      }
      const visitor = comeFrom('10.21.3.')
      visitor.cookies.set('device', `${others}.${own}`)
      assert.equal((await enter(visitor, 'gwen', PASSWORD)).status, 303, 'its own, beside another')
    })

    it('remembers a few names for each browser, those that came last', async () => {
      const names = Array.from({ length: LIMITS.namesPerDevice + 1 }, (_, n) => `shared-${n}`)
      const browser = comeFrom('10.22.0.1')
      for (const name of names) {
        await browser.signUpByForm(name)
      }
      assert.equal(browser.cookies.get('device')?.split('.').length, LIMITS.namesPerDevice)
      for (const [place, status] of [
        [0, 429],
        [1, 303],
      ] as const) {
        const name = names[place] ?? ''
        for (let n = 1; n <= LIMITS.logins.burst; n++) {
          await signIn(name, WRONG, `10.22.${place + 1}.${n}`)
        }
        const visitor = comeFrom('10.22.9.')
        visitor.cookies.set('device', browser.cookies.get('device') ?? '')
        assert.equal((await enter(visitor, name, PASSWORD)).status, status, name)
      }
    })

    it('does not keep whoever is signed in from a new password or their account’s end', async () => {
      const isaac = await comeFrom('10.23.0.1').signUpByForm('isaac')
      isaac.cookies.delete('device')
      const program = (await signIn('isaac', PASSWORD, '10.23.0.1')).json.auth_token
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        await signIn('isaac', WRONG, `10.23.1.${n}`)
      }
      assert.equal((await signIn('isaac', PASSWORD, '10.23.2.1')).status, 429)
      const change = (current_password: string, from: string) =>
        isaac.post('/account/password', { current_password, password: 'another horse battery' }, by(from))
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        assert.equal((await change(WRONG, `10.23.3.${n}`)).status, 422, 'nor wrong tries of their own')
      }
      assert.equal(
        (await change(PASSWORD, '10.23.3.99')).status,
        429,
        'which are limited by the session, wherever from',
      )
      const fields = { current_password: PASSWORD, password: 'another horse battery' }
      const headers = by('10.23.4.1')
      const api = new Program(site, program)
      assert.equal((await api.call('PUT', '/api/account/password/', fields, headers)).status, 200, 'and by the token')
      const { status } = await api.call('DELETE', '/api/account/', { password: fields.password }, headers)
      assert.equal(status, 204)
    })

    it('counts no success', async () => {
      await signUp('carl', '10.4.0.1')
      for (let n = 0; n < LIMITS.logins.burst + 3; n++) {
        assert.equal((await signIn('carl', PASSWORD, '10.4.0.1')).status, 200, String(n))
      }
      assert.equal((await signIn('carl', WRONG, '10.4.0.1')).status, 400)
    })

    it('is told on the page, beside the form with the name that was typed', async () => {
      const visitor = new Visitor(site)
      const from = { 'x-forwarded-for': '10.3.0.1' }
      await visitor.get('/login', from)
      const refused = await visitor.post('/login', { username: 'dora', password: WRONG }, from)
      assert.equal(refused.status, 429)
      assertRetryAfter(refused, 90)
      assertPage(refused)
      assert.match(refused.text, /Too many attempts to sign in/)
      assert.match(refused.text, /action="\/login"[\s\S]*value="dora"/)
      assert.ok(!refused.text.includes(WRONG))
    })

    it('from an address that is over its limit does not use up the turns of the names it tries', async () => {
      await signUp('emma', '10.5.0.1')
      for (let n = 1; n <= LIMITS.logins.burst; n++) {
        await signIn(`other-${n}`, WRONG, '10.5.0.2')
      }
      for (let n = 0; n < LIMITS.logins.burst + 2; n++) {
        assert.equal((await signIn('emma', WRONG, '10.5.0.2')).status, 429)
      }
      // Who is shut out by their address must not be able to shut out everybody else by name.
      assert.equal((await signIn('emma', PASSWORD, '10.5.0.3')).status, 200)
    })

    it('takes names of any length that a body can hold without 5xx', async () => {
      let state = 5
      const random = Array.from({ length: 20_000 }, () => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
        return String.fromCharCode(97 + ((state >> 8) % 26))
      }).join('')
      for (const [n, username] of ['x'.repeat(60_000), random, '\ufdfa'.repeat(10_000)].entries()) {
        const answer = await signIn(username, WRONG, `10.6.0.${n + 1}`)
        assert.ok([400, 429].includes(answer.status), `${username.length} characters: ${answer.status}`)
      }
    })

    it('is limited in the same measure where tries come at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: LIMITS.logins.burst + 10 }, (_, n) => signIn('at-once', WRONG, `10.7.0.${n + 1}`)),
      )
      const let_in = answers.filter(answer => answer.status === 400)
      assert.equal(let_in.length, LIMITS.logins.burst)
    })
  })

  describe('signing up', () => {
    it('is limited by address, also for names that are taken', async () => {
      const statuses = new Set<number>()
      for (let n = 0; n < LIMITS.signUps.burst; n++) {
        statuses.add((await signUp('ann', '10.8.0.1')).status)
      }
      assert.deepEqual(statuses, new Set([400]))
      const refused = await signUp('somebody-new', '10.8.0.1')
      assertProblem(refused, 429)
      assertRetryAfter(refused, 3_600)
      const visitor = new Visitor(site)
      await visitor.get('/signup')
      const page = await visitor.post(
        '/signup',
        { username: 'somebody-new', password: PASSWORD, email: 'new@example.org' },
        { 'x-forwarded-for': '10.8.0.1' },
      )
      assert.equal(page.status, 429)
      assertPage(page)
      assert.match(page.text, /value="somebody-new"[\s\S]*value="new@example\.org"/)
      assert.equal((await signUp('somebody-new', '10.8.0.2')).status, 201)
    })
  })

  describe('keeping an account that was a guest’s', () => {
    it('is limited by address with signing up, also for names that are taken', async () => {
      await signUp('otto', '10.9.0.1')
      const gus = await guest(site, 'Gus')
      const headers = { 'content-type': 'application/json', 'x-csrf-token': gus.csrf, 'x-forwarded-for': '10.9.0.2' }
      const keep = (username: string) =>
        gus.send('POST', '/api/account/keep/', JSON.stringify({ username, password: PASSWORD }), headers)
      for (let n = 0; n < LIMITS.signUps.burst; n++) {
        assert.equal((await keep('otto')).status, 422, String(n))
      }
      const refused = await keep('gus')
      assertProblem(refused, 429)
      assertRetryAfter(refused, 3_600)
      assert.equal((await signUp('somebody-else', '10.9.0.2')).status, 429)
      headers['x-forwarded-for'] = '10.9.0.3'
      assert.equal((await keep('gus')).status, 200)
    })
  })

  describe('posting', () => {
    it('is limited for each user: ten at once, then one a second, told in every form, the text kept', () =>
      withClockStopped(async () => {
        const fay = await signUpProgram(site, 'fay')
        const visitor = new Visitor(site)
        await visitor.get('/login')
        await visitor.post('/login', { username: 'fay', password: PASSWORD })
        await visitor.get('/')
        const uri = await visitor.startChat()
        const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => fay.post(uri, `m${n}`)))
        const posted = answers.filter(answer => answer.status === 201)
        const refused = answers.filter(answer => answer.status === 429)
        assert.equal(posted.length, LIMITS.posts.burst)
        assert.equal(posted.length + refused.length, 16)
        const [first] = refused
        assert.ok(first)
        assertProblem(first, 429)
        assertRetryAfter(first, 2)

        const page = await visitor.post(`/chats/${uri}/messages`, { message: 'typed and kept', key: 'kept-key' })
        assert.equal(page.status, 429)
        assertRetryAfter(page, 2)
        assertPage(page)
        assert.match(page.text, /id="composer"[\s\S]*value="kept-key"[\s\S]*typed and kept/)
        const fragment = await visitor.htmx('POST', `/chats/${uri}/messages`, { message: 'x', after: '0' })
        assert.equal(fragment.status, 429)
        assertAlert(fragment)

        // Nobody else has to wait for that.
        const gil = await signUpProgram(site, 'gil')
        await gil.join(uri)
        assert.equal((await gil.post(uri, 'hello')).status, 201)
        const { messages } = (await gil.call('GET', `/api/chats/${uri}/messages/`)).json
        assert.ok(!messages.some((item: { message: string }) => item.message === 'typed and kept'))
      }))
  })

  describe('starting chats and joining', () => {
    it('are limited for each user, starting', () =>
      withClockStopped(async () => {
        const hal = await signUpProgram(site, 'hal')
        const made = await Promise.all(
          Array.from({ length: LIMITS.chats.burst + 3 }, () => hal.call('POST', '/api/chats/')),
        )
        assert.equal(made.filter(answer => answer.status === 201).length, LIMITS.chats.burst)
        const refused = made.find(answer => answer.status === 429)
        assert.ok(refused)
        assertProblem(refused, 429)
        assertRetryAfter(refused, LIMITS.chats.seconds)
      }))

    it('are limited for each user, joining', () =>
      withClockStopped(async () => {
        const ida = await signUpProgram(site, 'ida')
        const owner = await signUpProgram(site, 'jo')
        const { id: owner_id } = (await owner.call('GET', '/api/account/')).json
        const uris = Array.from({ length: LIMITS.joins.burst + 10 }, () => randomKey(16))
        await Promise.all(uris.map(uri => createChat(site.db, { owner_id, uri, title: null })))
        const joined = await Promise.all(uris.map(uri => ida.join(uri)))
        assert.equal(joined.filter(answer => answer.status === 200).length, LIMITS.joins.burst)
        assert.equal(joined.filter(answer => answer.status === 429).length, uris.length - LIMITS.joins.burst)
      }))
  })

  describe('tries of what is limited by what succeeds', () => {
    const email = 'no address'

    it('do not count as what succeeds: mistyped sign-ups close no school', async () => {
      const from = '10.20.0.1'
      const typed = { username: 'lou', password: PASSWORD }
      for (let n = 0; n < LIMITS.signUps.burst + 10; n++) {
        const answer = await call('POST', '/auth/users/create/', { ...typed, email }, from)
        assert.equal(answer.status, 400, String(n))
      }
      assert.equal((await call('POST', '/auth/users/create/', typed, from)).status, 201)
    })

    it('have a rate for each address, which is judged before what was sent', () =>
      withClockStopped(async () => {
        const from = '10.20.0.2'
        const tries = await Promise.all(
          Array.from({ length: LIMITS.tries.burst + 5 }, () =>
            call('POST', '/auth/users/create/', { username: 'x'.repeat(60_000), password: 'x', email }, from),
          ),
        )
        const refused = tries.filter(answer => answer.status === 429)
        assert.equal(refused.length, 5)
        assert.equal(tries.filter(answer => answer.status === 400).length, LIMITS.tries.burst)
        assertProblem(refused[0] as Answer, 429)
        assertRetryAfter(refused[0] as Answer, LIMITS.tries.seconds)
        assert.equal((await call('POST', '/auth/users/create/', { email }, '10.20.0.3')).status, 400)
      }))

    it('show the form again with what was typed where there were too many', () =>
      withClockStopped(async () => {
        const from = { 'x-forwarded-for': '10.20.0.4' }
        const browser = new Visitor(site)
        await browser.get('/signup', from)
        const sent = { username: 'mia', password: 'short' }
        for (let n = 0; n < LIMITS.tries.burst; n++) {
          assert.equal((await browser.post('/signup', sent, from)).status, 422, String(n))
        }
        const refused = await browser.post('/signup', sent, from)
        assert.equal(refused.status, 429)
        assertPage(refused)
        assert.match(refused.text, /name="username"[^>]* value="mia"/)
      }))

    function call(method: string, path: string, fields: unknown, from: string) {
      return new Program(site).call(method, path, fields, { 'x-forwarded-for': from })
    }
  })

  describe('a post', () => {
    it('counts before it is judged, so that nobody has many bad ones looked at', () =>
      withClockStopped(async () => {
        const ned = await signUpProgram(site, 'ned')
        const uri = await ned.startChat()
        const posts = await Promise.all(
          Array.from({ length: LIMITS.posts.burst + 5 }, () => ned.post(uri, 'x'.repeat(60_000))),
        )
        assert.equal(posts.filter(answer => answer.status === 422).length, LIMITS.posts.burst)
        assert.equal(posts.filter(answer => answer.status === 429).length, 5)
      }))
  })

  describe('changing one’s e-mail address', () => {
    it('is limited for each user, as every use of a password is', () =>
      withClockStopped(async () => {
        const pia = await signUpProgram(site, 'pia')
        const changes = await Promise.all(
          Array.from({ length: LIMITS.logins.burst + 5 }, (_, n) =>
            pia.call(
              'PATCH',
              '/api/account/',
              { email: `pia${n}@example.org`, password: PASSWORD },
              { 'x-forwarded-for': '10.21.0.1' },
            ),
          ),
        )
        assert.equal(changes.filter(answer => answer.status === 200).length, LIMITS.logins.burst)
        assert.equal(changes.filter(answer => answer.status === 429).length, 5)
      }))
  })

  describe('looking ahead of the chat', () => {
    it('is limited for each user', () =>
      withClockStopped(async () => {
        const kim = await signUpProgram(site, 'kim')
        const { id: owner_id } = (await kim.call('GET', '/api/account/')).json
        const uri = randomKey(16)
        await createChat(site.db, { owner_id, uri, title: null })
        const looks = await Promise.all(
          Array.from({ length: LIMITS.cursorsAhead.burst + 5 }, () =>
            kim.call('GET', `/api/chats/${uri}/messages/?after=999`),
          ),
        )
        const statuses = looks.map(answer => answer.status)
        assert.equal(statuses.filter(status => status === 410).length, LIMITS.cursorsAhead.burst)
        assert.ok(statuses.every(status => status === 410 || status === 429))
      }))
  })
})

describe('X-Forwarded-For', () => {
  it('is ignored unless TRUST_PROXY says how many proxies are in front', async () => {
    const site = await openSite({ LIMITS: 'on' })
    try {
      const statuses: number[] = []
      for (let n = 0; n <= LIMITS.logins.burst; n++) {
        const login = { username: `name-${n}`, password: WRONG }
        const headers = { 'x-forwarded-for': `10.0.0.${n}`, 'x-real-ip': `10.0.0.${n}`, forwarded: `for=10.0.0.${n}` }
        statuses.push((await new Program(site).call('POST', '/auth/token/create/', login, headers)).status)
      }
      assert.deepEqual(statuses, [...Array(LIMITS.logins.burst).fill(400), 429])
    } finally {
      await site.close()
    }
  })

  it('counts for the proxy where it is no address: who sends such things could choose another each time', async () => {
    const site = await openSite({ LIMITS: 'on', TRUST_PROXY: '1' })
    try {
      const noAddresses = ['unknown', '_hidden', '203.0.113.', '[::1', '1:2:3:4:5:6:7:8:9', '<script>', '127.0.0.1', '']
      const statuses: number[] = []
      for (let n = 0; n <= LIMITS.logins.burst; n++) {
        const login = { username: `name-${n}`, password: WRONG }
        const headers = { 'x-forwarded-for': noAddresses[n % noAddresses.length] ?? '' }
        statuses.push((await new Program(site).call('POST', '/auth/token/create/', login, headers)).status)
      }
      assert.deepEqual(statuses, [...Array(LIMITS.logins.burst).fill(400), 429])
    } finally {
      await site.close()
    }
  })

  it('counts by the last hop alone behind one proxy: what the visitor claims before it is nothing', async () => {
    const site = await openSite({ LIMITS: 'on', TRUST_PROXY: '1' })
    try {
      const statuses: number[] = []
      for (let n = 0; n <= LIMITS.logins.burst; n++) {
        const login = { username: `name-${n}`, password: WRONG }
        const headers = { 'x-forwarded-for': `10.0.0.${n}, 203.0.113.9` }
        statuses.push((await new Program(site).call('POST', '/auth/token/create/', login, headers)).status)
      }
      assert.deepEqual(statuses, [...Array(LIMITS.logins.burst).fill(400), 429])
    } finally {
      await site.close()
    }
  })
})

function assertRetryAfter({ headers }: Answer, most: number) {
  const seconds = headers.get('retry-after') ?? ''
  assert.match(seconds, /^[1-9]\d*$/)
  assert.ok(Number(seconds) <= most, seconds)
}
