import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { connect as openWire, type Socket } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import pg from 'pg'
import { connect } from '../src/db/connection.js'
import { asRefusal } from '../src/errors.js'
import { Outage } from '../src/http/outages.js'
import { openLog } from '../src/process/log.js'
import { createDatabase, databaseUrl, dropDatabase } from './support/databases.js'
import { runProgram, startServer, temporaryFolder, until } from './support/server.js'
import { openSite, type Site } from './support/site.js'
import { allStatementsOf } from './support/statements.js'
import { openEvents, openSocket } from './support/streams.js'
import { Program, signUpProgram, Visitor } from './support/visitor.js'

const run = promisify(execFile)

/** All codes of PostgreSQL (appendix A) that mean "not now"; docs/decisions/015 says why these. */
const NOT_NOW = `
  08000 08001 08003 08004 08006 08007 08P01 0A000 25006 25P03 25P04 26000 28000 28P01 3D000 40000 40001 40002 40003 40P01
  42501 42P05 53000 53100 53200 53300 53400 55000 55006 55P03 57000 57014 57P01 57P02 57P03 57P04 57P05 58000 58030 58P01
  58P02 58P03 72000 F0000 F0001 XX000 XX001 XX002`
  .trim()
  .split(/\s+/)

/** What will be so the next time as well. */
const FOR_GOOD =
  '0B000 21000 22012 22P02 23502 25001 25P02 2D000 34000 3F000 42601 42703 42883 42P01 54001 55P02 55P04 P0001 P0004'.split(
    ' ',
  )

interface Line {
  level: number
  msg: string
  err?: { stack?: string }
}

describe('failing', function () {
  this.timeout(120_000)
  let site: Site
  let ann: Program
  let uri: string

  beforeEach(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  afterEach(() => site.close())

  const logged = () => site.log.map(line => JSON.parse(line) as Line)
  const warnings = () => logged().filter(({ level }) => level >= 40)

  describe('by an error of the database that means "not now"', () => {
    /** From now on every message makes the database raise this error. */
    async function raise(code: string) {
      await site.pool.query(`
        create or replace function fail() returns trigger language plpgsql as
          $$ begin raise exception using errcode = '${code}', message = 'made by a test'; end $$;
        create or replace trigger fail before insert on events for each row execute function fail()`)
    }

    it('is 503 with Retry-After for each of its codes, and no stack in the log', async () => {
      for (const code of NOT_NOW) {
        await raise(code)
        const { status, headers, json } = await ann.post(uri, 'hello')
        assert.equal(status, 503, code)
        assert.match(headers.get('retry-after') ?? '', /^\d+$/, code)
        assert.match(json.detail, /try again/i, code)
      }
      assert.ok(!logged().some(({ err }) => err?.stack))
      await site.pool.query('drop trigger fail on events')
      assert.equal((await ann.post(uri, 'hello')).status, 201)
    })

    it('is 500 for others, with a stack in the log', async () => {
      for (const code of FOR_GOOD) {
        await raise(code)
        const { status, headers } = await ann.post(uri, 'hello')
        assert.equal(status, 500, code)
        assert.equal(headers.get('retry-after'), null, code)
      }
      const stacks = logged().filter(({ err }) => err?.stack)
      assert.equal(stacks.length, FOR_GOOD.length)
    })

    it('is 503 in a page, a fragment and a form that comes back, with what was typed', async () => {
      const visitor = await new Visitor(site).signUp('bob')
      await visitor.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
      await raise('58030')
      for (const answer of [
        await visitor.post(`/chats/${uri}/messages`, { message: 'typed' }),
        await visitor.htmx('POST', `/chats/${uri}/messages`, { message: 'typed', after: '0' }),
      ]) {
        assert.equal(answer.status, 503)
        assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
      }
      const { rows } = await site.pool.query("select from events where text = 'typed'")
      assert.equal(rows.length, 0)
    })

    it('is 503 where the database lets this program not in, whatever the reason', async () => {
      const admin = { ...site.address, database: 'postgres' }
      const role = `shut_${process.pid}`
      await outside(admin, `create role ${role} login`)
      try {
        for (const change of [
          `alter role ${role} nologin`,
          `alter role ${role} login connection limit 0`,
          `alter role ${role} connection limit -1; revoke connect on database ${site.address.database} from public`,
          `drop role ${role}`,
        ]) {
          await outside(admin, change)
          const { db } = connect({ ...site.address, user: role } as never, () => {}, 1)
          const error = await sql`select 1`.execute(db).then(
            () => assert.fail(`let in after ${change}`),
            error => error,
          )
          assert.equal(error.unconnected, true, change)
          assert.equal(asRefusal(error).status, 503, change)
          await db.destroy()
        }
      } finally {
        await outside(admin, `drop role if exists ${role}`)
      }
    })

    it('goes on with a new connection where a table has changed under a prepared statement', async () => {
      const { db } = connect(site.address, () => {}, 1)
      try {
        await sql`create table changing (a int)`.execute(db)
        const ask = () => sql`select * from changing where a = ${1}`.execute(db)
        await ask()
        await site.pool.query('alter table changing add column b int')
        await assert.rejects(ask(), { code: '0A000' })
        await until(() =>
          ask().then(
            () => true,
            () => false,
          ),
        )
      } finally {
        await db.destroy()
      }
    })
  })

  describe('/up and /ready', () => {
    const ask = async (at: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(site.url + at, { headers })
      return { status: answer.status, headers: answer.headers, text: await answer.text() }
    }

    it('say in a word that all is well, as text or as JSON', async () => {
      assert.equal((await ask('/up')).text, 'ok\n')
      const { status, text, headers } = await ask('/ready')
      assert.deepEqual([status, text], [200, 'ready\n'])
      assert.match(headers.get('content-type') ?? '', /^text\/plain/)
      assert.deepEqual(JSON.parse((await ask('/ready', { accept: 'application/json' })).text), { ready: true })
    })

    it('say that it lives and that it can only be read, while the database is read-only @long', async () => {
      const { database } = site.address
      const visitor = await new Visitor(site).signUp('bob')
      await visitor.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
      // A process that does not know them yet notes in the database that they are here again.
      const far = await openSite({}, site)
      await site.pool.query("update sessions set last_used_at = now() - interval '1 hour'")
      await site.pool.query("update tokens set last_used_at = now() - interval '1 hour'")
      await site.pool.query(`alter database ${database} set default_transaction_read_only = on`)
      await cutConnections(site)
      await until(async () => /read-only/.test((await ask('/ready')).text))
      const { headers, text } = await ask('/ready')
      assert.match(text, /^Not ready, because of the database\. It takes no writes: it is read-only, or a standby\.\n$/)
      assert.match(headers.get('retry-after') ?? '', /^\d+$/)
      const json = await ask('/ready', { accept: 'application/json' })
      assert.equal(json.status, 503)
      assert.match(JSON.parse(json.text).detail, /read-only/)
      assert.equal((await ask('/up')).status, 200)
      assert.equal((await ask('/up', { authorization: 'Token x' })).status, 200)
      const cookie = [...visitor.cookies].map(pair => pair.join('=')).join('; ')
      assert.equal((await ask('/ready', { cookie })).status, 503)
      for (const at of [site, far]) {
        for (const path of ['/', `/chats/${uri}`]) {
          const page = await fetch(at.url + path, { headers: { accept: 'text/html', cookie } })
          assert.equal(page.status, 200, path)
        }
        const list = await new Program(at, ann.token).call('GET', `/api/chats/${uri}/messages/`)
        assert.equal(list.status, 200)
      }
      await far.close()
      const late = await openSite({}, site)
      const page = await fetch(`${late.url}/chats/${uri}`, { headers: { accept: 'text/html', cookie } })
      assert.equal(page.status, 200, 'a process that starts now knows the sessions of the others')
      await late.close()
      assert.equal((await ann.post(uri, 'hello')).status, 503)
      assert.equal((await visitor.post(`/chats/${uri}/messages`, { message: 'hello' })).status, 503)
      const socket = await openSocket(site, `/api/chats/${uri}/live/`, ann)
      assert.equal((await socket.ask({ message: 'hello' })).status, 503)

      await outside({ ...site.address, database: 'postgres' }, `alter database ${database} reset all`)
      await cutConnections(site)
      await until(async () => (await ask('/ready')).status === 200)
      assert.equal((await ann.post(uri, 'hello')).status, 201)
      await until(() => warnings().some(({ msg }) => msg.startsWith('The outage is over')))
      const [begin, end, ...rest] = warnings().map(({ msg }) => msg)
      assert.match(begin ?? '', /^The database fails/)
      assert.match(end ?? '', /^The outage is over after \d+ s: 3 requests were refused$/)
      assert.deepEqual(rest, [])
    })

    it('name a migration that is missing', async () => {
      const { rows } = await site.pool.query(
        "delete from kysely_migration where name = '002_chats' returning name, timestamp",
      )
      assert.equal(rows.length, 1)
      await until(async () => (await ask('/ready')).status === 503)
      assert.match((await ask('/ready')).text, /002_chats/)
      assert.equal((await ask('/up')).status, 200)
      await site.pool.query('insert into kysely_migration values ($1, $2)', [rows[0].name, rows[0].timestamp])
      await until(async () => (await ask('/ready')).status === 200)
    })

    it('try a write once a second at most, however often they are asked', async () => {
      const begun = performance.now()
      const statements = await allStatementsOf(async () => {
        const answers = await Promise.all(Array.from({ length: 200 }, () => ask('/ready')))
        assert.ok(answers.every(({ status }) => status === 200))
      })
      const tries = statements.filter(({ text }) => text.startsWith('update "secrets"')).length
      assert.ok(tries >= 1 && tries <= 1 + (performance.now() - begun) / 1000, `${tries} tries`)
    })

    it('say what a full disk does, and that it is over @long', async function () {
      const folder = await temporaryFolder('chatire-small-')
      const disk = path.join(folder.path, 'disk')
      try {
        await run('sh', ['-c', 'mkdir "$0" && mount -t tmpfs -o size=200m,mode=700 none "$0"', disk])
      } catch {
        await folder.remove()
        this.skip()
      }
      const server = await startServer({ DATA_DIR: path.join(disk, 'data') })
      try {
        const at = async (place: string) => {
          const answer = await fetch(server.url + place)
          return { status: answer.status, text: await answer.text() }
        }
        assert.equal((await at('/ready')).status, 200)
        await fill(path.join(disk, 'filler'))
        await until(async () => (await at('/ready')).status === 503)
        assert.match((await at('/ready')).text, /disk is full/)
        assert.equal((await at('/up')).status, 200)
        await rm(path.join(disk, 'filler'))
        await until(async () => (await at('/ready')).status === 200)
        await until(() => server.lines.some(line => line.includes('The outage is over')))
      } finally {
        server.child.kill('SIGTERM')
        await server.ended
        await run('umount', [disk])
        await folder.remove()
      }
    })
  })

  describe('for a while', () => {
    it('has two lines in the log, however many requests, polls and streams fail @long', async () => {
      const visitor = await new Visitor(site).signUp('bob')
      await visitor.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
      const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
      await stream.shows('retry')
      const database = { ...site.address, database: 'postgres' }
      const allow = (allowed: boolean) =>
        outside(database, `alter database ${site.address.database} allow_connections ${allowed}`)
      await allow(false)
      await cutConnections(site)
      await stream.over()
      let refused = 0
      for (let n = 0; n < 20; n++) {
        const answers = [
          await ann.post(uri, 'hello'),
          await visitor.get('/'),
          await visitor.htmx('GET', `/chats/${uri}/messages?after=0`),
          await new Visitor(site).post('/login', { username: 'bob', password: 'x' }),
        ]
        refused += answers.filter(({ status }) => status === 503).length
      }
      assert.ok(refused > 40, `${refused}`)
      await allow(true)
      await until(() => warnings().some(({ msg }) => msg.startsWith('The outage is over')))
      const [begin, end, ...rest] = warnings().map(({ msg }) => msg)
      assert.match(begin ?? '', /^The database fails requests\. It /)
      assert.match(end ?? '', new RegExp(`^The outage is over after \\d+ s: ${refused} requests were refused$`))
      assert.deepEqual(rest, [])
      assert.ok(!logged().some(({ err }) => err?.stack))
    })

    it('has a line now and then with what was refused so far', async () => {
      const lines: string[] = []
      let broken = true
      const outage = new Outage({
        log: openLog('info', { write: line => lines.push(JSON.parse(line).msg) }),
        begins: error => `It begins: ${error}`,
        works: async () => {
          if (broken) throw new Error('still')
        },
        pace: { look: 10, quiet: 300, remind: 100 },
      })
      outage.refused()
      for (let n = 0; n < 5; n++) {
        outage.failed('first')
        outage.refused()
      }
      await until(() => lines.length >= 3)
      broken = false
      await until(() => !outage.lasts)
      outage.close()
      outage.failed('after the end')
      assert.equal(lines[0], 'It begins: first')
      assert.match(lines[1] ?? '', /^The outage goes on since \d+ s: 5 requests were refused so far$/)
      assert.match(lines.at(-1) ?? '', /^The outage is over after \d+ s: 5 requests were refused$/)
      assert.ok(lines.slice(1, -1).every(line => line.startsWith('The outage goes on')))
    })
  })

  it('at the limit of open files says so, and that it is over @long', async () => {
    const address = await createDatabase()
    const { child, lines, ended } = runProgram(
      'sh',
      ['-c', 'ulimit -n 400; exec "$0" bin/start.js', process.execPath],
      {
        DATABASE_URL: databaseUrl(address),
        PORT: '0',
        HOST: '127.0.0.1',
      },
    )
    child.stdout.on('data', chunk => lines.push(...String(chunk).split('\n')))
    const sockets = new Set<Socket>()
    try {
      await until(() => lines.some(line => line.includes('Ready: ')))
      const [, port] = /Ready: http:[^\s"]+:(\d+)\//.exec(lines.join('\n')) ?? []
      await until(() => {
        // The system refuses what is too many once and for all: without new ones, each file that the program closes would stay free.
        while (sockets.size < 450) {
          const socket = openWire(Number(port), '127.0.0.1')
          socket.on('error', () => {}).on('close', () => sockets.delete(socket))
          sockets.add(socket)
        }
        return lines.some(line => line.includes('as many files and connections open as it may'))
      })
      for (const socket of sockets) {
        socket.destroy()
      }
      await until(() => lines.some(line => line.includes('The outage is over')))
      assert.equal((await fetch(`http://127.0.0.1:${port}/ready`)).status, 200)
    } finally {
      for (const socket of sockets) {
        socket.destroy()
      }
      child.kill('SIGTERM')
      await ended
      await dropDatabase(address.database)
    }
  })
})

/** Takes what is left of the disk. */
async function fill(file: string) {
  const filler = await open(file, 'w')
  try {
    for (let size = 1 << 20; size >= 1024; ) {
      await filler.write(Buffer.alloc(size)).catch(() => {
        size /= 2
      })
    }
  } finally {
    await filler.close()
  }
}

/** Ends the site's connections; those of the test as well. */
async function cutConnections({ address }: Site) {
  await outside(
    { ...address, database: 'postgres' },
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${address.database}'`,
  )
}

async function outside(address: Site['address'], statements: string) {
  const client = new pg.Client(address)
  await client.connect()
  try {
    await client.query(statements)
  } finally {
    await client.end()
  }
}
