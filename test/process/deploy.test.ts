import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { get, request } from 'node:https'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { createDatabase, databaseUrl, dropDatabase } from '../support/databases.js'
import { startProgram } from '../support/program.js'
import { freePort, type Service, skipWithout, startService } from '../support/programs.js'
import { temporaryFolder, until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

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

const FRONTS = {
  nginx: { program: '/usr/sbin/nginx', version: '-v', open: openNginx },
  caddy: { program: 'caddy', version: 'version', open: openCaddy },
}

for (const [name, { program, version, open }] of Object.entries(FRONTS)) {
  describe(`the settings for ${name}`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    let site: Site
    let front: Service
    let ann: Program
    let uri: string
    let port: number

    before(async function () {
      await skipWithout(program, version).call(this)
      folder = await temporaryFolder(`chatire-${name}-`)
      port = await freePort()
      site = await openSite({ PUBLIC_URL: `https://localhost:${port}`, TRUST_PROXY: '1' })
      front = await open(folder.path, port, new URL(site.url).host)
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

async function openNginx(folder: string, port: number, upstream: string): Promise<Service> {
  const key = path.join(folder, 'key.pem')
  const certificate = path.join(folder, 'certificate.pem')
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-keyout', key, '-out', certificate],
  ])
  const plain = await freePort()
  const text = (await readFile(path.join(DEPLOY, 'nginx.conf'), 'utf8'))
    .replaceAll('chat.example.org', 'localhost')
    .replace('server 127.0.0.1:8000', `server ${upstream}`)
    .replace('listen 80;', `listen 127.0.0.1:${plain};`)
    .replace('listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`)
    .replace(/^ *listen \[::\].*$/gm, '')
    .replace(/\S+fullchain\.pem/, certificate)
    .replace(/\S+privkey\.pem/, key)
    .replace('/var/log/nginx/chatire.log', path.join(folder, 'chatire.log'))
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = path.join(folder, 'nginx.conf')
  await writeFile(
    config,
    `daemon off; master_process off; pid nginx.pid; error_log stderr;
     events {}
     http {
       ${places.map(place => `${place}_temp_path ${folder}/${place};`).join('\n')}
       ${text}
     }`,
  )
  return startService(port, ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', config])
}

async function openCaddy(folder: string, port: number, upstream: string): Promise<Service> {
  const text = (await readFile(path.join(DEPLOY, 'Caddyfile'), 'utf8'))
    .replace(/^chat\.example\.org \{/m, `https://localhost:${port} {\n\ttls internal`)
    .replace('127.0.0.1:8000', upstream)
  const config = path.join(folder, 'Caddyfile')
  // Without its port for other programs, and without a place in the system's list of certificates.
  const options = `{\n\tadmin off\n\tgrace_period 1s\n\tskip_install_trust\n\tauto_https disable_redirects\n\tstorage file_system ${folder}/storage\n}\n`
  await writeFile(config, options + text)
  return startService(port, ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'])
}
