import assert from 'node:assert/strict'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

/** A client of the original as it is: forms by jQuery from another origin, trailing slashes, the whole history every 3 s. */
describe('an unmodified client of the original', () => {
  let site: Site
  before(async () => {
    site = await openSite({ CORS_ORIGINS: 'http://localhost:8080' })
  })
  after(() => site.close())

  class Client {
    private token = ''
    readonly username: string
    constructor(username: string) {
      this.username = username
    }

    async signUpAndIn() {
      const password = 'correct horse battery'
      const email = `${this.username}@example.org`
      const made = await this.send('POST', '/auth/users/create/', { username: this.username, password, email })
      assert.deepEqual(made.json, { username: this.username, email, id: made.json.id })
      const { json } = await this.send('POST', '/auth/token/create/', { username: this.username, password })
      this.token = json.auth_token
      return this
    }

    send(method: string, path: string, fields?: Record<string, string>): Promise<Answer> {
      return new Visitor(site).send(method, path, fields && new URLSearchParams(fields), {
        accept: '*/*',
        origin: 'http://localhost:8080',
        'sec-fetch-site': 'same-site',
        'sec-fetch-mode': 'cors',
        ...(this.token ? { authorization: `Token ${this.token}` } : {}),
      })
    }
  }

  it('signs up, starts a chat, joins by its own name, posts, and polls the whole history', async () => {
    const ann = await new Client('ann').signUpAndIn()
    const bob = await new Client('bob').signUpAndIn()

    const started = await ann.send('POST', '/api/chats/')
    assert.ok(started.status >= 200 && started.status < 300)
    assert.equal(started.json.status, 'SUCCESS')
    assert.equal(started.json.message, 'New chat session created')
    const chat = `/api/chats/${started.json.uri}/`

    // The page of the original joins each time it is opened, its owner's too.
    const owner = await ann.send('PATCH', chat, { username: 'ann' })
    assert.equal(owner.json.user.username, 'ann')
    assert.equal(owner.json.members[0].username, 'ann')
    const joined = await bob.send('PATCH', chat, { username: 'bob' })
    assert.equal(joined.json.status, 'SUCCESS')
    assert.equal(joined.json.message, 'bob joined the chat')
    assert.equal(joined.json.members[0].username, 'ann')
    assert.ok(joined.json.members.some((member: { username: string }) => member.username === 'bob'))

    const said: [Client, string][] = [
      [ann, 'hello'],
      [bob, 'é😀<&'],
      [ann, 'a + b = c & d%20'],
    ]
    for (const [client, message] of said) {
      const posted = await client.send('POST', `${chat}messages/`, { message })
      assert.ok(posted.status >= 200 && posted.status < 300)
      assert.equal(posted.json.status, 'SUCCESS')
      assert.equal(posted.json.uri, started.json.uri)
      assert.equal(posted.json.message, message)
      assert.equal(posted.json.user.username, client.username)
    }

    for (const client of [ann, bob]) {
      const history = await client.send('GET', `${chat}messages/`)
      assert.equal(history.status, 200)
      assert.equal(history.json.uri, started.json.uri)
      assert.ok(Number.isInteger(history.json.id))
      assert.deepEqual(
        history.json.messages.map((item: { user: { username: string }; message: string }) => [
          item.user.username,
          item.message,
        ]),
        said.map(([client, message]) => [client.username, message]),
      )
      assert.equal(history.headers.get('access-control-allow-origin'), 'http://localhost:8080')
    }

    assert.equal((await ann.send('POST', '/auth/token/destroy/')).status, 204)
    assert.equal((await ann.send('GET', `${chat}messages/`)).status, 401)
  })

  it('may send all that known clients were seen to send: what has no meaning here is passed over', async () => {
    const { token, uri } = await start('cora')
    const user = { username: 'known', password: 'correct horse battery' }
    const table: [method: string, path: string, fields: Record<string, string>, ignored: string | null][] = [
      // The tutorial's own client, by jQuery.
      ['POST', '/auth/users/create/', { ...user, email: '' }, null],
      ['POST', '/auth/token/create/', user, null],
      ['POST', '/api/chats/', {}, null],
      ['PATCH', `/api/chats/${uri}/`, { username: 'cora' }, null],
      ['POST', `/api/chats/${uri}/messages/`, { message: 'hello' }, null],
      ['GET', `/api/chats/${uri}/messages/?_=1764341471000`, {}, null],
      ['GET', `/api/chats/${uri}/messages/?format=json`, {}, null],
      // Clients for other versions of its sign-up.
      ['POST', '/auth/users/', { ...user, username: 'known2', re_password: user.password }, 're_password'],
      [
        'POST',
        '/auth/users/',
        { ...user, username: 'known3', first_name: 'K', last_name: '' },
        'first_name, last_name',
      ],
      ['POST', '/auth/token/login/', { ...user, email: 'known@example.org' }, 'email'],
      // Bots that send what they have got before.
      ['POST', '/api/chats/', { uri: '', status: '' }, 'uri, status'],
      ['POST', `/api/chats/${uri}/messages/`, { message: 'hello', user: 'cora', uri }, 'user, uri'],
      ['POST', `/api/chats/${uri}/typing/`, { user: 'cora' }, 'user'],
      ['POST', '/auth/token/destroy/', { auth_token: token }, 'auth_token'],
    ]
    for (const [method, path, fields, ignored] of table) {
      const body = method === 'GET' ? undefined : new URLSearchParams(fields)
      const headers = path.startsWith('/auth/users') ? {} : { authorization: `Token ${token}` }
      const answer = await new Visitor(site).send(method, path, body, headers)
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
      assert.equal(answer.headers.get('ignored-fields'), ignored, `${method} ${path}`)
    }
  })

  async function start(username: string) {
    const program = await signUpProgram(site, username)
    return { token: program.token ?? '', uri: await program.startChat() }
  }
})
