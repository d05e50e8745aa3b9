import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { get, request } from 'node:https'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { createDatabase, databaseUrl, dropDatabase } from '../support/databases.js'
import { FRONTS, type Front } from '../support/fronts.js'
import { startProgram } from '../support/program.js'
import { freePort, skipWithout } from '../support/programs.js'
import { temporaryFolder, until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { credentials, FRAMED } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const DEPLOY = path.join(ROOT, 'deploy')
const run = promisify(execFile)

describe('the unit for systemd', () => {
  before(skipWithout('systemd-analyze', '--version'))

  it('is one that systemd has nothing to say about', async () => {
    const folder = await temporaryFolder('chatire-unit-')
    try {
      const unit = path.join(folder.path, 'chatire.service')
      const text = await readFile(path.join(DEPLOY, 'chatire.service'), 'utf8')
      // Programs that are named must be there, and Node is elsewhere on some machines.
      await writeFile(unit, text.replace('/usr/bin/node', process.execPath))
      const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit])
      const ours = `${stdout}${stderr}`.split('\n').filter(line => line.includes('chatire.service'))
      assert.deepEqual(ours, [])
    } finally {
      await folder.remove()
    }
  })
})

describe('the image', () => {
  it('has all files that the program needs to serve', async () => {
    const folder = await temporaryFolder('chatire-image-')
    const database = await createDatabase()
    try {
      const text = await readFile(path.join(DEPLOY, 'Dockerfile'), 'utf8')
      const image = text.slice(text.lastIndexOf('\nFROM '))
      const copied = [...image.matchAll(/^COPY --from=build (.*) \S+$/gm)]
        .flatMap(([, names = '']) => names.split(' '))
        .map(name => name.replace('/app/', ''))
      assert.ok(copied.includes('dist'))
      for (const name of copied.filter(name => name !== 'node_modules')) {
        await mkdir(path.dirname(path.join(folder.path, name)), { recursive: true })
        await cp(path.join(ROOT, name), path.join(folder.path, name), { recursive: true })
      }
      await symlink(path.join(ROOT, 'node_modules'), path.join(folder.path, 'node_modules'))
      const script = /bin\/serve\.js/.exec(image)?.[0] ?? ''
      const program = startProgram([path.join(folder.path, script)], { DATABASE_URL: databaseUrl(database) })
      try {
        await program.says(/Ready: /)
        const url = /Ready: (\S+)\//.exec(program.lines.join('\n'))?.[1]
        assert.equal((await fetch(`${url}/ready`)).status, 200)
        assert.equal((await fetch(`${url}/help`)).status, 200)
        await program.endsWith('SIGTERM', 0)
      } finally {
        await program.kill()
      }
    } finally {
      await dropDatabase(database.database)
      await folder.remove()
    }
  })
})

for (const [name, { program, version, open }] of Object.entries(FRONTS)) {
  describe(`the settings for ${name}`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    let site: Site
    let front: Front
    let ann: Program
    let uri: string
    let port: number

    before(async function () {
      await skipWithout(program, version).call(this)
      folder = await temporaryFolder(`chatire-${name}-`)
      port = await freePort()
      site = await openSite({ PUBLIC_URL: `https://localhost:${port}`, TRUST_PROXY: '1' })
      front = await open(folder.path, port, [new URL(site.url).host], true)
      ann = await signUpProgram(site, 'ann')
      uri = await ann.startChat()
    })
    after(async () => {
      await front?.stop()
      await site?.close()
      await folder?.remove()
    })
    const headers = () => ({ authorization: `Token ${ann.token}` })

    it('speak HTTP/2', async () => {
      const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
      const stream = session.request({ ':path': '/ready' })
      const [answer] = await once(stream, 'response')
      assert.equal(answer[':status'], 200)
      assert.equal(session.alpnProtocol, 'h2')
      session.destroy()
    })

    it('pass each event of a stream on at once', async () => {
      const asked = get(`https://localhost:${port}/api/chats/${uri}/live/?after=0`, {
        rejectUnauthorized: false,
        headers: { ...headers(), accept: 'text/event-stream' },
      })
      const [answer] = await once(asked, 'response')
      let text = ''
      answer.on('data', (chunk: Buffer) => {
        text += chunk
      })
      await until(() => text.includes('event: ready'))
      await ann.post(uri, 'by the stream')
      await until(() => text.includes('by the stream'))
      asked.destroy()
    })

    it('pass WebSockets on', async () => {
      const socket = new WebSocket(`wss://localhost:${port}/api/chats/${uri}/live/`, {
        rejectUnauthorized: false,
        headers: headers(),
      })
      let text = ''
      socket.on('message', data => {
        text += data
      })
      await once(socket, 'open')
      socket.send(JSON.stringify({ message: 'by the socket', key: 'k1' }))
      await until(() => text.includes('by the socket'))
      socket.terminate()
    })

    it('let all streams of a browser share a connection', async () => {
      const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
      const texts: string[] = []
      const shown = (words: string) => texts.filter(text => text.includes(words)).length
      // Six are what browsers open to one host by HTTP/1.1.
      const streams = Array.from({ length: 8 }, (_, place) => {
        const path = `/api/chats/${uri}/live/?after=0`
        const stream = session.request({ ...headers(), ':path': path, accept: 'text/event-stream' })
        texts[place] = ''
        return stream.setEncoding('utf8').on('data', chunk => {
          texts[place] += chunk
        })
      })
      await until(() => shown('event: ready') === streams.length)
      const post = session.request({
        ...headers(),
        ':method': 'POST',
        ':path': `/api/chats/${uri}/messages/`,
        'content-type': 'application/json',
      })
      post.end('{"message":"beside eight streams"}')
      const [answer] = await once(post, 'response')
      assert.equal(answer[':status'], 201)
      await until(() => shown('beside eight streams') === streams.length)
      session.destroy()
    })

    it('show what is said in the frame of a page without JavaScript at once', async () => {
      const bob = await new Visitor(site).signUp(`bob-${name}`)
      await bob.get(`/chats/${uri}`)
      const asked = get(`https://localhost:${port}/chats/${uri}/live?inside`, {
        rejectUnauthorized: false,
        headers: { ...FRAMED, ...credentials(bob), 'accept-encoding': 'gzip, deflate, br' },
      })
      const [answer] = await once(asked, 'response')
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      await until(() => text.includes('id="event-1"'))
      await ann.post(uri, 'in the frame')
      await until(() => text.includes('in the frame'))
      asked.destroy()
    })

    it('bring a chat’s page in gzip to those who take it, the same as to all others', async () => {
      const carl = await new Visitor(site).signUp(`carl-${name}`)
      await carl.get(`/chats/${uri}`)
      await ann.post(uri, 'Grüße 👋🏽 <b>')
      const page = async (accepted: string) => {
        const asked = get(`https://localhost:${port}/chats/${uri}`, {
          rejectUnauthorized: false,
          headers: { ...credentials(carl), accept: 'text/html', 'accept-encoding': accepted },
        })
        const [answer] = await once(asked, 'response')
        const body = Buffer.concat(await answer.toArray())
        const { 'content-encoding': coded = 'identity', vary } = answer.headers
        assert.equal(coded, accepted)
        assert.match(vary, /Accept-Encoding/i)
        // A key is another one each time.
        return String(coded === 'gzip' ? gunzipSync(body) : body).replace(/name="key" value="[\w-]{22}"/g, '')
      }
      // The first one shows what is new since.
      await page('identity')
      const plain = await page('identity')
      assert.match(plain, /Grüße 👋🏽 &lt;b&gt;/)
      assert.equal(await page('gzip'), plain)
    })

    it('tell who asks, and not who they claim to be', async () => {
      const asked = request(`https://localhost:${port}/auth/token/create/`, {
        method: 'POST',
        rejectUnauthorized: false,
        headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' },
      })
      asked.end(JSON.stringify({ username: 'ann', password: 'wrong wrong' }))
      const [answer] = await once(asked, 'response')
      assert.equal(answer.statusCode, 400)
      answer.resume()
      await until(() => site.log.some(line => /"address":/.test(line)))
      const told = site.log.filter(line => /"address":/.test(line)).map(line => JSON.parse(line).address)
      assert.match(told.at(-1), /^(127\.0\.0\.1|::1)/)
    })

    it('write no chat’s URI into a log', async () => {
      const log = await readFile(path.join(folder.path, 'chatire.log'), 'utf8').catch(() => '')
      assert.ok(!(log + front.said).includes(uri))
      if (name === 'nginx') {
        assert.match(log, /"GET \/api\/chats\/-\/live\/"|"GET \/chats\/-\/live\/"/)
      }
    })
  })
}
