import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chown, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { finishMigrations, migrate } from '../src/db/migrate.js'
import { chooseAccount, commandAs } from '../src/postgres/account.js'
import { createEmptyDatabase, dropDatabase } from './support/databases.js'
import { withoutKeys } from './support/form-keys.js'
import { freePort, type Service, skipWithout, startService } from './support/programs.js'
import { runScript, startServer, temporaryFolder, until } from './support/server.js'
import { openSite, type Site } from './support/site.js'
import { openEvents } from './support/streams.js'
import { signUpProgram, Visitor } from './support/visitor.js'

const NGINX = '/usr/sbin/nginx'
const PGBOUNCER = '/usr/sbin/pgbouncer'

describe('behind nginx with proxy_pass and nothing else', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let port: number
  let nginx: Service
  let site: Site | undefined

  before(skipWithout(NGINX, '-v'))
  beforeEach(async () => {
    folder = await temporaryFolder('chatire-nginx-')
    port = await freePort()
  })
  afterEach(async () => {
    await nginx?.stop()
    await site?.close()
    await folder.remove()
    site = undefined
  })

  /** A site and nginx in front of it. Returns what people open. */
  async function open(env: (url: string) => Record<string, string>): Promise<{ url: string }> {
    const url = `http://127.0.0.1:${port}`
    site = await openSite(env(url))
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const config = path.join(folder.path, 'nginx.conf')
    await writeFile(
      config,
      `daemon off; master_process off; pid nginx.pid; error_log stderr;
       events {}
       http {
         access_log off;
         ${places.map(place => `${place}_temp_path ${folder.path}/${place};`).join('\n')}
         server { listen 127.0.0.1:${port}; location / { proxy_pass ${site.url}; } }
       }`,
    )
    nginx = await startService(port, [NGINX, '-p', folder.path, '-e', 'stderr', '-c', config])
    return { url }
  }

  it('all that people do works with PUBLIC_URL, streams included', async () => {
    const front = await open(url => ({ PUBLIC_URL: url }))
    const from = { origin: front.url, 'sec-fetch-site': 'same-origin' }
    const visitor = new Visitor(front)
    await visitor.get('/signup')
    assert.equal(
      (await visitor.post('/signup', { username: 'ann', password: 'correct horse battery' }, from)).status,
      303,
    )
    await visitor.get('/')
    await visitor.post('/logout', {}, from)
    await visitor.get('/login')
    assert.equal(
      (await visitor.post('/login', { username: 'ann', password: 'correct horse battery' }, from)).status,
      303,
    )
    await visitor.get('/')
    const started = await visitor.post('/chats', {}, from)
    assert.equal(started.status, 303)
    const chat = started.headers.get('location') ?? ''
    const page = await visitor.get(chat, { 'sec-fetch-dest': 'document' })
    assert.ok(page.text.includes(front.url + chat), 'the URL to share is the one that people open')
    const stream = await openEvents(front, `${chat}/live`, visitor, { 'hx-request': 'true' })
    assert.equal((await visitor.post(`${chat}/messages`, { message: 'by a form' }, from)).status, 303)
    await stream.shows('by a form')
    const sent = await visitor.htmx('POST', `${chat}/messages`, { message: 'by htmx', after: '0' }, from)
    assert.equal(sent.status, 201)
    await stream.shows('by htmx')
    stream.close()
  })

  it('a chat’s page that comes in gzip is the page without, by nginx and by curl', async () => {
    const front = await open(url => ({ PUBLIC_URL: url }))
    const visitor = await new Visitor(site as Site).signUp('ann')
    const chat = `/chats/${await visitor.startChat()}`
    await visitor.get(chat)
    await visitor.post(`${chat}/messages`, { message: 'Grüße 👋🏽 <b>' })
    const plain = withoutKeys((await visitor.get(chat, { 'accept-encoding': 'identity' })).text)
    assert.match(plain, /Grüße 👋🏽 &lt;b&gt;/)
    const headers = { accept: 'text/html', cookie: `sid=${visitor.cookies.get('sid')}` }
    for (const accepted of ['gzip', 'identity']) {
      const answer = await fetch(front.url + chat, { headers: { ...headers, 'accept-encoding': accepted } })
      assert.equal(answer.headers.get('content-encoding'), accepted === 'gzip' ? 'gzip' : null)
      assert.equal(withoutKeys(await answer.text()), plain)
    }
    const curl = ['-s', '--compressed', '-H', `cookie: ${headers.cookie}`, '-H', 'accept: text/html']
    for (const url of [front.url, site?.url]) {
      const { stdout } = await promisify(execFile)('curl', [...curl, url + chat])
      assert.equal(withoutKeys(stdout), plain)
    }
  })

  it('it is said what to set where PUBLIC_URL is not set, to who is refused and in the log', async () => {
    const front = await open(() => ({}))
    const visitor = new Visitor(front)
    await visitor.get('/signup')
    const account = { username: 'ann', password: 'correct horse battery' }
    for (const headers of [
      { origin: front.url },
      { origin: front.url, 'sec-fetch-site': 'same-origin' },
      { origin: front.url, accept: 'application/json' },
    ]) {
      const before = site?.log.length ?? 0
      const { status, text } = await visitor.post('/signup', account, headers)
      assert.equal(status, 403)
      assert.match(text, /another site/)
      assert.match(text, /set PUBLIC_URL .* let the proxy in front pass the Host header on/)
      const warned = site?.log.slice(before).filter(line => /PUBLIC_URL/.test(line) && /Host header/.test(line)) ?? []
      assert.equal(warned.length, 1)
      assert.equal(JSON.parse(warned[0] ?? '').origin, new URL(front.url).host)
    }
    const forged = await visitor.post('/signup', account, {
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    })
    assert.equal(forged.status, 403)
    assert.doesNotMatch(forged.text, /PUBLIC_URL/)
  })
})

describe('behind PgBouncer', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let pgbouncer: Service
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>

  before(skipWithout(PGBOUNCER, '--version'))
  beforeEach(async () => {
    folder = await temporaryFolder('chatire-pgbouncer-')
    database = await createEmptyDatabase()
  })
  afterEach(async () => {
    await pgbouncer?.stop()
    await folder.remove()
    await dropDatabase(database.database)
  })

  /** Starts it with nothing set but what must be. Returns the URL of the database behind it. */
  async function open(mode: string): Promise<string> {
    const port = await freePort()
    const config = path.join(folder.path, 'pgbouncer.ini')
    const users = path.join(folder.path, 'users')
    await writeFile(users, `"${database.user}" ""\n`)
    await writeFile(
      config,
      `[databases]
* = host=${database.host} port=${database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
`,
    )
    // As whoever may enter the directory of the socket, and never as root.
    const account = await chooseAccount(database.host, database.host, PGBOUNCER)
    if (account.owner) {
      for (const file of [folder.path, config, users]) {
        await chown(file, account.owner.uid, account.owner.gid)
      }
    }
    const [command, args] = commandAs(account, PGBOUNCER, [config])
    pgbouncer = await startService(port, [command, ...args], account.owner)
    return `postgres://${database.user}@127.0.0.1:${port}/${database.database}`
  }

  it('all goes as without it where it keeps sessions (pool_mode=session) @long', async () => {
    const env = { DATABASE_URL: await open('session') }
    const [near, far] = [await startServer(env), await startServer(env)]
    try {
      const [ann, bob] = [await signUpProgram(near, 'ann'), await signUpProgram(near, 'bob')]
      const uri = await ann.startChat()
      await bob.join(uri)
      const stream = await openEvents(far, `/api/chats/${uri}/live/`, bob)
      const posted = await Promise.all(Array.from({ length: 50 }, (_, n) => ann.post(uri, `message ${n}`)))
      assert.ok(posted.every(({ status }) => status === 201))
      for (let n = 0; n < 50; n++) {
        await stream.shows(`message ${n}`)
      }
      stream.close()
      assert.equal((await fetch(`${near.url}/ready`)).status, 200)
    } finally {
      for (const { child, ended } of [near, far]) {
        child.kill('SIGTERM')
        await ended
      }
    }
  })

  it('an upgrade says how far it is and what it waits for (pool_mode=session) @long', async () => {
    await migrate(database, () => {})
    const connectionString = await open('session')
    const writer = new pg.Client({ ...database, application_name: 'writer' })
    await writer.connect()
    await writer.query('begin')
    await writer.query('lock table events in row exclusive mode')
    const said: string[] = []
    const finishing = finishMigrations({ connectionString }, line => said.push(line), new AbortController().signal)
    await until(() => said.length > 0)
    await writer.query('commit')
    await writer.end()
    await finishing
    assert.match(
      said[0] ?? '',
      /^011_search_index is under way, \d+ s so far; waiting for writers before build; writer \(pid \d+\) has been in a transaction for \d+ s$/,
    )
  })

  for (const mode of ['transaction', 'statement']) {
    it(`the start says what to set where it does not (pool_mode=${mode})`, async () => {
      const { lines, ended } = runScript(['bin/start.js'], { DATABASE_URL: await open(mode), PORT: '0' })
      assert.equal(await ended, 1)
      assert.match(lines.join('\n'), /The database that DATABASE_URL names cannot be .*pool_mode=session/)
    })
  }
})

/** The page without what is another each time. */
