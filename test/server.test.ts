import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { createDatabase, databaseUrl } from './support/databases.js'
import {
  postgresProcesses,
  type Running,
  runProgram,
  runScript,
  startServer,
  temporaryFolder,
  until,
} from './support/server.js'
import { type Program, signUpProgram } from './support/visitor.js'

describe('the program', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>
  const running: Running[] = []

  beforeEach(async () => {
    // A space in the path, as in many a home directory.
    data = await temporaryFolder('chatire data ')
  })
  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    await until(() => postgresProcesses(data.path).length === 0)
    await data.remove()
  })

  async function start(env: Record<string, string> = {}) {
    const server = await startServer({ DATA_DIR: `${data.path}/data`, ...env })
    running.push(server)
    return server
  }

  it('creates its database, says what it does, and starts again @long', async () => {
    const first = await start()
    assert.match(first.lines.join('\n'), /Creating a database in .*data\/postgres-/)
    assert.equal((await fetch(`${first.url}/up`)).status, 200)
    first.child.kill('SIGTERM')
    assert.equal(await first.ended, 0)
    assert.deepEqual(postgresProcesses(data.path), [])
    const second = await start()
    // 2 s are promised.
    console.log(`      started again in ${second.startedIn.toFixed(0)} ms`)
    second.child.kill('SIGINT')
    assert.equal(await second.ended, 0)
  })

  it('ends with 0 when the npm that started it is told to end @long', async () => {
    const npm = runProgram('npm', ['start'], { DATA_DIR: `${data.path}/data`, PORT: '0', HOST: '127.0.0.1' })
    npm.child.stdout.on('data', chunk => npm.lines.push(String(chunk)))
    await until(() => npm.lines.some(line => line.includes('Ready: ')))
    npm.child.kill('SIGTERM')
    assert.equal(await npm.ended, 0)
    assert.deepEqual(postgresProcesses(data.path), [])
  })

  it('finishes the requests under way before it ends @long', async () => {
    const server = await start()
    const program = await signUpProgram(server, 'ann')
    const uri = await program.startChat()
    const posts = Array.from({ length: 40 }, (_, n) => program.post(uri, `m${n}`))
    await posts[0]
    server.child.kill('SIGTERM')
    const answers = await Promise.allSettled(posts)
    assert.equal(await server.ended, 0)
    const accepted = answers.filter(answer => answer.status === 'fulfilled')
    // One whose connection was not open yet may be refused; what was accepted was answered in full.
    assert.ok(accepted.every(({ value }) => value.status === 201))
    const again = await start()
    const kept = await messages(again, program, uri)
    for (const { value } of accepted) {
      assert.ok(kept.includes(value.json.message))
    }
  })

  it('keeps every acknowledged message, once, when it is killed during posts @long', async () => {
    await keepsAcknowledged(async server => {
      server.child.kill('SIGKILL')
      await server.ended
      return start()
    })
  })

  it('keeps every acknowledged message, once, when PostgreSQL is killed during posts, and goes on by itself @long', async () => {
    await keepsAcknowledged(async server => {
      const [postmaster] = postgresProcesses(data.path)
      assert.ok(postmaster)
      process.kill(postmaster, 'SIGKILL')
      await until(() => server.lines.some(line => line.includes('Starting it again')))
      const outage = await fetch(`${server.url}/api/chats/`, { headers: { authorization: 'Token x' } })
      assert.ok([401, 503].includes(outage.status))
      await until(async () => (await fetch(`${server.url}/ready`)).status === 200)
      return server
    })
  })

  it('runs on the server that DATABASE_URL names, and leaves DATA_DIR alone', async () => {
    const address = await createDatabase()
    const server = await start({ DATABASE_URL: databaseUrl(address) })
    const program = await signUpProgram(server, 'ann')
    assert.match(await program.startChat(), /^[\w-]{22}$/)
    assert.deepEqual(postgresProcesses(data.path), [])
  })

  it('says at the start if its processes may need more connections than the database takes @long', async () => {
    const says = ({ lines }: Running) => lines.filter(line => line.includes('may need'))
    const few = await start()
    assert.deepEqual(says(few), [])
    few.child.kill('SIGTERM')
    await few.ended
    const [folder] = readdirSync(`${data.path}/data`).filter(name => /^postgres-\d+$/.test(name))
    appendFileSync(`${data.path}/data/${folder}/postgresql.auto.conf`, "superuser_reserved_connections = '80'\n")
    const [line = '', ...rest] = says(await start())
    assert.match(line, /WEB_CONCURRENCY=1 may need 21 database connections\. PostgreSQL takes 20, of which other/)
    assert.deepEqual(rest, [])
  })

  for (const [name, value, sentence] of [
    ['PORT', 'eighty', 'PORT must be a port number from 0 to 65535.'],
    ['DATABASE_URL', 'mysql://x', 'DATABASE_URL must be the URL of a PostgreSQL database'],
    ['PUBLIC_URL', 'chat.example.org', 'PUBLIC_URL must be the http or https URL'],
    ['PUBLIC_URL', 'https://example.org/chat', 'PUBLIC_URL must have no path'],
    ['TRUST_PROXY', 'yes', 'TRUST_PROXY must be the number of proxies'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of'],
    ['CORS_ORIGINS', 'example.org', 'CORS_ORIGINS must be * or origins'],
    ['DRAIN', '5s', 'DRAIN must be a number of seconds'],
    ['LIMITS', 'maybe', 'LIMITS must be on or off'],
    ['BUS', 'redis', 'BUS must be postgres, off, or the URL of a RabbitMQ, such as amqp://'],
    ['BUS', 'amqp://user:secret@host/a/b', 'BUS must be postgres, off, or the URL'],
    ['BUS', 'amqp://user:sec%ret@host', 'BUS must be postgres, off, or the URL'],
    ['HOST', 'a b', 'HOST must be an address'],
    ['HOST', '192.0.2.254', 'This machine does not have the address 192.0.2.254'],
  ]) {
    it(`does not start with ${name}=${value}, and says why${name === 'PORT' || name === 'DATABASE_URL' ? '' : ' @long'}`, async () => {
      await assert.rejects(start({ [name as string]: value as string }), error => {
        assert.ok(error instanceof Error && error.message.includes(sentence as string), String(error))
        assert.match(error.message, /^It ended with 1:/)
        assert.doesNotMatch(error.message, /sec%?ret/)
        return true
      })
    })
  }

  it('says that its port is taken @long', async () => {
    const first = await start()
    const port = new URL(first.url).port
    const other = await temporaryFolder()
    await assert.rejects(start({ DATA_DIR: other.path, PORT: port }), /Another program listens on port/)
    await other.remove()
  })

  describe('npm run users', () => {
    it('makes a link by which a user sets a new password once, beside the running program and without it @long', async () => {
      const server = await start()
      const { post } = await signUp(server, 'ann')
      for (const stopFirst of [false, true]) {
        const link = await reset('ann')
        assert.ok(link, 'prints a link')
        if (stopFirst) {
          server.child.kill('SIGTERM')
          await server.ended
        }
        const site = stopFirst ? await start() : server
        const password = `new password ${stopFirst}`
        const page = await post(site, new URL(link).pathname, password)
        assert.equal(page.status, 303)
        assert.equal((await fetch(link.replace(/^http:..[^/]+/, site.url))).status, 404)
        const token = await fetch(`${site.url}/auth/token/create/`, {
          method: 'POST',
          body: new URLSearchParams({ username: 'ann', password }),
        })
        assert.equal(token.status, 200)
      }
    })

    it('says what is wrong with its words, and that the database is missing, which it does not create', async () => {
      for (const [args, sentence] of [
        [[], 'npm run users -- reset-password <name>'],
        [['reset-password', 'nobody'], `There is no database in ${data.path}/data. Set DATA_DIR or DATABASE_URL`],
      ] as const) {
        const { lines, ended } = runScript(['bin/users.js', ...args], { DATA_DIR: `${data.path}/data` })
        assert.equal(await ended, 1)
        assert.ok(lines.join('\n').includes(sentence), lines.join('\n'))
      }
      assert.equal(existsSync(`${data.path}/data`), false)
    })

    async function reset(name: string): Promise<string> {
      const { child, ended } = runScript(['bin/users.js', 'reset-password', name], { DATA_DIR: `${data.path}/data` })
      let printed = ''
      child.stdout.on('data', chunk => {
        printed += chunk
      })
      assert.equal(await ended, 0)
      return /http\S+/.exec(printed)?.[0] ?? ''
    }

    async function signUp(server: Running, username: string) {
      await signUpProgram(server, username)
      return {
        async post(site: Running, path: string, password: string) {
          const page = await fetch(site.url + path, { headers: { accept: 'text/html' } })
          const html = await page.text()
          const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(html) ?? []
          const cookie = page.headers.getSetCookie().map(line => line.split(';')[0])
          return fetch(site.url + path, {
            method: 'POST',
            headers: { accept: 'text/html', cookie: cookie.join('; ') },
            body: new URLSearchParams({ csrf, password }),
            redirect: 'manual',
          })
        },
      }
    }
  })

  /** Eight writers post with keys, and again with the same key whenever the outcome is unknown, while `strike` does its worst. */
  async function keepsAcknowledged(strike: (server: Running) => Promise<Running>) {
    let server = await start()
    const writers = await Promise.all(Array.from({ length: 8 }, (_, n) => signUpProgram(server, `writer${n}`)))
    const [first] = writers as [Program]
    const uri = await first.startChat()
    for (const writer of writers) {
      await writer.join(uri)
    }
    const acknowledged: string[] = []
    let struck: Promise<Running> | undefined
    await Promise.all(
      writers.map(async ({ token }, n) => {
        for (let count = 0; count < 60; count++) {
          const message = `${n}:${count}`
          if (acknowledged.length > 100) {
            struck ??= strike(server)
          }
          for (;;) {
            const status = await post(server.url, uri, token ?? '', message)
            if (status === 200 || status === 201) {
              acknowledged.push(message)
              break
            }
            assert.ok(status === undefined || status === 503, `${status}`)
            if (struck) {
              server = await struck
            }
          }
        }
      }),
    )
    assert.ok(struck, 'it was struck')
    const kept = await messages(server, first, uri)
    assert.equal(acknowledged.length, 480)
    assert.deepEqual([...kept].sort(), [...acknowledged].sort())
  }

  /** The status, or undefined where the connection broke. */
  async function post(url: string, uri: string, token: string, message: string): Promise<number | undefined> {
    try {
      const answer = await fetch(`${url}/api/chats/${uri}/messages/`, {
        method: 'POST',
        headers: { authorization: `Token ${token}`, 'idempotency-key': message },
        body: new URLSearchParams({ message }),
      })
      await answer.text()
      return answer.status
    } catch {
      return undefined
    }
  }

  async function messages({ url }: Running, { token }: Program, uri: string): Promise<string[]> {
    const answer = await fetch(`${url}/api/chats/${uri}/messages/?limit=1000`, {
      headers: { authorization: `Token ${token}` },
    })
    const { messages } = (await answer.json()) as { messages: { message: string }[] }
    return messages.map(({ message }) => message)
  }
})
