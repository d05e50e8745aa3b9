import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

const LINE = 'Host: chat.example\r\nConnection: close\r\n'
const JSON_BODY = 'Content-Type: application/json\r\n'

describe('malformed requests', () => {
  let site: Site
  before(async () => {
    // Where most headers count.
    site = await openSite({ TRUST_PROXY: '1' })
  })
  after(() => site.close())

  /** What is answered to these bytes, until the connection is closed: by the server, or by the sender when they have sent them. */
  async function send(bytes: string, leaves = false): Promise<string> {
    const socket = connect(Number(new URL(site.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(bytes, 'latin1')
    if (leaves) {
      socket.end()
    }
    return text(socket)
  }

  const about = (headers: string, path = '/login') =>
    send(`GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)

  it('with two Host headers, or one that is no host, are answered 400 with a sentence, whatever is asked for', async () => {
    for (const host of [
      'Host: a\r\nHost: b\r\n',
      'Host: a\r\nhost: a\r\n',
      'Host: user@a\r\n',
      'Host: user:password@a\r\n',
      'Host: a b\r\n',
      'Host: a/b\r\n',
      'Host: a,b\r\nHost:\r\n',
      'Host: [::1\r\n',
      'Host: [::g]\r\n',
      'Host: a:80:90\r\n',
      'Host: a:x\r\n',
      'Host: <script>\r\n',
      'Host: \xe4\r\n',
    ]) {
      for (const [path, more] of [
        ['/login', ''],
        ['/up', ''],
        ['/api/chats/', 'Accept: application/json\r\n'],
        ['/chats/AAAAAAAAAAAAAAAAAAAAAA/messages?after=1', 'HX-Request: true\r\n'],
        ['/chats/AAAAAAAAAAAAAAAAAAAAAA/live', 'Upgrade: websocket\r\nConnection: upgrade\r\n'],
      ]) {
        const answer = await about(host + more, path)
        assert.match(answer, /^HTTP\/1\.1 400 /, `${host} ${path}`)
        assert.match(answer, /X-Robots-Tag: noindex/i)
        assert.match(answer, /Host header/)
        assert.ok(!answer.includes('script'))
      }
    }
  })

  it('are not those with a host of which no URL can be made: links and addresses are told all the same', async () => {
    const ann = await signUpProgram(site, 'hostly')
    const uri = await ann.startChat()
    for (const text of ['one', 'two']) {
      await ann.post(uri, text)
    }
    const asked = (host: string) =>
      send(
        `GET /api/chats/${uri}/messages/?limit=1 HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Token ${ann.token}\r\nConnection: close\r\n\r\n`,
      )
    assert.match(
      await asked('chat.example:99'),
      /^HTTP\/1\.1 200 [\s\S]*Link: <http:\/\/chat\.example:99\/api\/chats\//i,
    )
    for (const host of ['a:99999', 'a%', '[::1]:', '']) {
      assert.match(await asked(host), /^HTTP\/1\.1 200 [\s\S]*Link: <http:\/\/[^>]+\/api\/chats\//i, host)
    }
  })

  it('are not those with any host that there may be', async () => {
    for (const host of [
      'a',
      'A.example:8000',
      '127.0.0.1',
      '[::1]:8000',
      '[::ffff:1.2.3.4]',
      'chat_upstream',
      'a.',
      '',
    ]) {
      assert.match(await about(`Host: ${host}\r\n`), /^HTTP\/1\.1 200 /, host)
    }
    assert.match(await send('GET /up HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /, 'HTTP/1.0 needs none')
    assert.match(await about(LINE, 'http://elsewhere.example/login'), /^HTTP\/1\.1 200 /, 'a whole address')
  })

  it('are answered by problem details with a sentence, whatever it is that cannot be read', async () => {
    for (const [status, request] of [
      [400, `GET /\xfcber HTTP/1.1\r\n${LINE}\r\n`],
      [400, 'GET /login HTTP/1.1\r\nConnection: close\r\n\r\n'],
      [400, `FOO /login HTTP/1.1\r\n${LINE}\r\n`],
      [400, '\x16\x03\x01\x02\r\n\r\n'],
      [400, `POST /login HTTP/1.1\r\n${LINE}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
      [400, `GET /login HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n`],
      [417, `GET /up HTTP/1.1\r\n${LINE}Expect: nothing\r\n\r\n`],
      [431, `GET / HTTP/1.1\r\n${LINE}X: ${'a'.repeat(20_000)}\r\n\r\n`],
    ] as const) {
      const [head = '', body = ''] = (await send(request)).split('\r\n\r\n')
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 60))
      assert.match(head, /content-type: application\/problem\+json/i)
      assert.match(head, /cache-control: no-store/i)
      const problem = JSON.parse(body)
      assert.equal(problem.status, status)
      assert.match(problem.detail, /^[A-Z].*\.$/)
    }
  })

  it('do not write into an answer that is on its way', async () => {
    const ann = await signUpProgram(site, 'ann')
    const uri = await ann.startChat()
    const asked = `GET /api/chats/${uri}/live/ HTTP/1.1\r\nHost: a\r\nAuthorization: Token ${ann.token}\r\n\r\n`
    const socket = connect(Number(new URL(site.url).port), '127.0.0.1')
    socket.write(asked)
    let got = ''
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      got += chunk
      if (got.includes('event: ready') && socket.writable) {
        socket.end('\x16\x03\x01\x02\r\n\r\n')
      }
    })
    await once(socket, 'close')
    assert.equal(got.match(/HTTP\/1\.1/g)?.length, 1)
  })

  it('leave no line in the log that somebody would have to read', async () => {
    const post = (headers: string, body: string) => `POST /login HTTP/1.1\r\n${LINE}${headers}\r\n${body}`
    const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\n${LINE}${headers}\r\n`
    const requests = [
      get('/chats/%zz'),
      get('/%E0%A4%A'),
      get('/chats/AAAAAAAAAAAAAAAAAAAAAA/messages/%ff'),
      get('/?a=%zz&%=%'),
      get('/login?next=%zz'),
      get('/static/%zz'),
      get('//elsewhere.example/x'),
      get('//['),
      get('http://['),
      get('http://[/login'),
      get('http://a:b/'),
      get('ftp:'),
      get('/login', 'Cookie: visit=%zz; sid=%zz; device==;;;=; visit.sig=%\r\n'),
      get('/login', 'Cookie: \xff\xfe=\x80\r\n'),
      get('/login', 'Accept: ;;;q=x,,/\r\nAccept-Encoding: ;;\r\nAccept-Language: ;\r\n'),
      get('/up', 'Range: x\r\nIf-Modified-Since: x\r\nIf-None-Match: ,,\r\n'),
      get('/up', 'Expect: nothing\r\n'),
      get('/api/chats/', 'Authorization: Token \xff\r\n'),
      get('/nothing', 'HX-Request: true\r\nHX-Current-URL: http://[\r\n'),
      get('/nothing', 'X-Forwarded-Proto: javascript\r\nX-Forwarded-Host: [[[\r\nX-Forwarded-For: ,,\r\n'),
      get('/chats/%zz', 'Upgrade: websocket\r\n'),
      `OPTIONS * HTTP/1.1\r\n${LINE}\r\n`,
      `TRACE / HTTP/1.1\r\n${LINE}\r\n`,
      `CONNECT a:1 HTTP/1.1\r\n${LINE}\r\n`,
      `FOO / HTTP/1.1\r\n${LINE}\r\n`,
      `GET / HTTP/1.1\r\n${LINE}X: ${'a'.repeat(20_000)}\r\n\r\n`,
      '\x16\x03\x01\x02\r\n\r\n',
      post('Origin: http://[\r\nContent-Length: 0\r\n', ''),
      post('Content-Type: ;;;\r\nContent-Length: 1\r\n', 'x'),
      post('Content-Type: application/x-www-form-urlencoded; charset=%\r\nContent-Length: 3\r\n', '%zz'),
      post('Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n', 'xxx'),
      post(`${JSON_BODY}Content-Encoding: gzip\r\nContent-Length: 1\r\n`, 'x'),
      post(`${JSON_BODY}Content-Length: 1\r\n`, '{'),
      post(`${JSON_BODY}Transfer-Encoding: chunked\r\n`, 'zz\r\n'),
      post(`${JSON_BODY}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`, 'zz\r\n'),
    ]
    for (const request of requests) {
      const [status = ''] = /(?<=^HTTP\/1\.1 )\d+/.exec(await send(request)) ?? []
      assert.doesNotMatch(status, /^5/, request)
    }
    for (const request of [
      get('/login'),
      post(`${JSON_BODY}Content-Length: 100\r\n`, '{}'),
      post(`${JSON_BODY}Transfer-Encoding: chunked\r\n`, '5\r\n{'),
      'POST /login HTTP/1.1\r\nHost',
    ]) {
      await send(request, true)
    }
    assert.equal((await new Visitor(site).get('/up')).status, 200)
    const read = site.log.map(line => JSON.parse(line)).filter(({ level }) => level >= 40)
    assert.deepEqual(read, [])
  })
})
