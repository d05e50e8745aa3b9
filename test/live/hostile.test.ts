import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** What no client of ours sends, and anybody can. Each of these ended the program, or held it up, once. */
describe('what only hostile clients send', () => {
  let site: Site
  let ann: Program
  let uri: string

  beforeEach(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  afterEach(() => site.close())

  it('is no harm: a request for a WebSocket behind one that is not answered yet', async () => {
    const socket = await raw(
      'GET /up HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    await once(socket, 'close')
    assert.equal((await ann.call('GET', '/up')).status, 200)
  })

  it('is no harm: a key that is nested as deep as a message can hold', async () => {
    const socket = await open('')
    socket.send(`{"message":"hi","key":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)
    const [answer] = await once(socket, 'message')
    const { status, key } = JSON.parse(String(answer))
    assert.equal(status, 422)
    assert.equal(key, undefined)
    assert.equal((await ann.call('GET', '/up')).status, 200)
    socket.terminate()
  })

  it('is no harm: a WebSocket that says goodbye in the middle of a replay', async () => {
    await site.pool.query(
      `with chat as (update chats set version = version + 1000, last_message = version + 1000 returning id, version, owner_id)
       insert into events (chat_id, version, kind, author_id, text)
       select id, version - 1000 + n, 'message', owner_id, repeat('x', 2000) from chat, generate_series(1, 1000) n`,
    )
    const socket = await raw(
      `GET /api/chats/${uri}/live/?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${ann.token}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    socket.pause()
    // Closing, and then nothing: the server waits for its turn to close as well.
    socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
    for (let n = 0; n < 20; n++) {
      assert.equal((await ann.call('GET', '/up')).status, 200)
    }
    socket.destroy()
  })

  it('is served: a request that offers another protocol, with its body', async () => {
    const body = '{"message":"offered"}'
    const socket = await raw(
      `POST /api/chats/${uri}/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${ann.token}\r\n` +
        `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 201 /)
    await once(socket, 'close')
  })

  it('does not hold up the end: a WebSocket that never says goodbye @long', async () => {
    const socket = await raw(
      `GET /api/chats/${uri}/live/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${ann.token}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await once(socket, 'data')
    await site.stop()
    socket.destroy()
  })

  it('gives its place back: a request for a WebSocket without its key', async () => {
    const socket = await raw(
      `GET /api/chats/${uri}/live/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${ann.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 400 /)
    await once(socket, 'close')
    const good = await open('')
    good.terminate()
    await until(() => good.readyState === WebSocket.CLOSED)
  })

  async function raw(request: string): Promise<Socket> {
    const { hostname, port } = new URL(site.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(request)
    return socket
  }

  async function open(query: string): Promise<WebSocket> {
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/api/chats/${uri}/live/${query}`, {
      headers: { authorization: `Token ${ann.token}` },
    })
    await once(socket, 'open')
    return socket
  }
})
