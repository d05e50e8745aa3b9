import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import WebSocket from 'ws'
import { openStream, versionOf } from '../support/readers.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { allStatementsOf, type Statement, statementsOf } from '../support/statements.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

/** `npm run soak` takes 60 s. */
const SECONDS = Number(process.env.IDLE_SECONDS ?? 3)
const CHATS = 50
/** In each chat, of each kind. */
const POLLERS = 2
/** Between two polls of a page, in milliseconds. */
const POLL_EVERY = SECONDS > 30 ? 3000 : 500

const SWEEP = /as known \(id, version\)/
const PROBE = /^select 1$/
const SEEN = /as seen \(chat_id, user_id\)/
const USED = /^update "tokens" set "last_used_at"/
const EVENTS = /from "events"/

const PAGE_STREAM = { accept: 'text/event-stream', 'hx-request': 'true', 'sec-fetch-site': 'same-origin' }
const FRAME = { accept: 'text/html', 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }
const HTMX = {
  accept: 'text/html',
  'hx-request': 'true',
  'hx-request-type': 'partial',
  'sec-fetch-site': 'same-origin',
}

/** What readers cost the database; requests one by one are in test/db/statements.test.ts. */
describe('what readers ask of the database', function () {
  this.timeout(180_000 + SECONDS * 2000)
  const closing: (() => unknown)[] = []

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
  })

  async function open(env: Record<string, string> = {}, beside?: Site): Promise<Site> {
    const site = await openSite(env, beside)
    closing.push(() => site.close())
    return site
  }

  /**
   * Does it with a site. If it fails because the machine stood still, so that the site had no answer of the database in time, it is done
   * again with another one.
   */
  async function steadily(work: (site: Site) => Promise<void>, env: Record<string, string> = {}) {
    for (let tries = 1; ; tries++) {
      const site = await open(env)
      try {
        return await work(site)
      } catch (error) {
        if (tries === 5 || !site.log.some(line => line.includes('The database fails requests'))) {
          throw error
        }
      }
    }
  }

  it(`is the sweep, the probe, who is here and which tokens are used, for 200 idle pollers and 200 idle streams on 50 chats during ${SECONDS} s @long`, () =>
    steadily(async site => {
      const opened = performance.now()
      const { ann, program, uris } = await people(site, CHATS)
      const readers: Readers[] = []
      const pollers: (() => Promise<string>)[] = []
      for (const uri of uris) {
        readers.push(await openReaders(site, uri, ann, program))
        const after = await versionOf(site.pool, uri)
        for (let n = 0; n < POLLERS; n++) {
          pollers.push(await poller(site, `/chats/${uri}/messages?after=${after}`, { ...HTMX, cookie: cookie(ann) }))
          pollers.push(
            await poller(site, `/api/chats/${uri}/messages/?after=${after}`, {
              authorization: `Token ${program.token}`,
            }),
          )
        }
      }
      assert.equal(pollers.length, 200)
      assert.equal(readers.flatMap(({ texts }) => texts).length, 200)
      await Promise.all(pollers.map(poll => poll()))

      const rounds = Math.ceil((SECONDS * 1000) / POLL_EVERY)
      const polls = rounds * pollers.length
      const statements = await allStatementsOf(async () => {
        await Promise.all(
          pollers.map(async (poll, n) => {
            // Not all at the same moment.
            await wait(Math.random() * POLL_EVERY)
            for (let round = 0; round < rounds; round++) {
              const answer = await poll()
              assert.match(answer, n % 2 === 0 ? /^HTTP\/1\.1 204 / : /^HTTP\/1\.1 200 .*"messages":\[\]/s)
              await wait(POLL_EVERY)
            }
          }),
        )
      })
      assert.ok(readers.every(({ ended }) => ended() === 0))
      const count = (what: RegExp) => statements.filter(({ text }) => what.test(text)).length
      assert.deepEqual(
        statements.map(({ text }) => text).filter(text => ![SWEEP, PROBE, SEEN, USED].some(known => known.test(text))),
        [],
      )
      // They are asked by the clock: a machine that is held up takes longer for the same polls.
      assert.ok(count(SWEEP) > 0)
      // Once a minute, for the one token of all.
      assert.ok(count(USED) <= Math.floor((performance.now() - opened) / 60_000))
      assert.ok(statements.length < polls / 10, `${statements.length} statements`)
      const asked = `${count(SWEEP)} sweeps, ${count(PROBE)} probes, ${count(SEEN)} times who is here`
      console.log(`      ${polls} polls, 200 streams: ${asked}`)

      // They were all alive: what is posted now comes to each of them.
      await Promise.all(uris.map(uri => program.post(uri, 'the end of silence')))
      await until(() => readers.every(({ texts }) => texts.every(text => text().includes('the end of silence'))))
      for (const poll of pollers) {
        assert.match(await poll(), /the end of silence/)
      }
    }))

  it('is one statement for all who are here, and none of those who have just been seen', () =>
    steadily(async site => {
      const { ann, program, uris } = await people(site, 10)
      for (const uri of uris) {
        await openReaders(site, uri, ann, program)
      }
      const tell = () => allStatementsOf(() => site.live.presence.tell())
      const seen = async () =>
        (await site.pool.query(`select seen_at from members where left_at is null order by chat_id, user_id`)).rows
      const told = await tell()
      assert.equal(told.filter(({ text }) => SEEN.test(text)).length, 1)
      const first = await seen()
      assert.equal(first.length, 20)
      assert.ok(first.every(({ seen_at }) => seen_at))
      await tell()
      assert.deepEqual(await seen(), first)
      await site.pool.query(`update members set seen_at = now() - interval '16 seconds'`)
      await tell()
      assert.ok((await seen()).every(({ seen_at }, n) => seen_at > first[n]?.seen_at))
    }))

  for (const [name, env] of [
    ['', {}],
    [', where PUBLIC_URL is https', { PUBLIC_URL: 'https://chat.example.org' }],
  ] as const) {
    it(`is nothing for an idle poll, whose answer has less than 300 bytes with its headers${name}`, () =>
      steadily(async site => {
        const { ann, uris } = await people(site, 1)
        const [uri] = uris as [string]
        const after = await versionOf(site.pool, uri)
        const poll = await poller(site, `/chats/${uri}/messages?after=${after}`, {
          ...HTMX,
          cookie: cookie(ann),
          connection: 'keep-alive',
          'user-agent':
            'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
        })
        await poll()
        const answers: string[] = []
        const statements = await statementsOf(async () => {
          for (let n = 0; n < 20; n++) {
            answers.push(await poll())
          }
        })
        for (const answer of answers) {
          assert.match(answer, /^HTTP\/1\.1 204 No Content\r\n/)
          assert.match(answer, /\r\n\r\n$/)
          assert.match(answer, /\r\ncache-control: no-store\b/i)
          assert.ok(answer.length < 300, `${answer.length} bytes:\n${answer}`)
        }
        assert.deepEqual(statements, [])
        console.log(`      ${answers[0]?.length} bytes`)
      }, env))
  }

  it('is each event once in a process, however many read it, and not even that where it was posted', () =>
    steadily(async site => {
      const other = await open({}, site)
      const { ann, program, uris } = await people(site, 1)
      const [uri] = uris as [string]
      const elsewhere = await signUpProgram(other, 'elsewhere')
      await elsewhere.join(uri)
      const readers: Readers[] = []
      for (let n = 0; n < 10; n++) {
        readers.push(await openReaders(site, uri, ann, program))
      }
      const everybodyGets = async (text: string, after: number) => {
        await until(() => readers.every(({ texts }) => texts.every(read => count(read(), text) > 0)))
        const polls = await Promise.all(
          Array.from({ length: 5 }, () => [
            ann.htmx('GET', `/chats/${uri}/messages?after=${after}`),
            program.call('GET', `/api/chats/${uri}/messages/?after=${after}`),
          ]).flat(),
        )
        for (const { text: body } of polls) {
          assert.equal(count(body, `<p>${text}</p>`), 1, body)
        }
      }
      const reads = (statements: Statement[]) => statements.filter(({ text }) => EVENTS.test(text)).length

      // The first, from where the feed begins.
      let version: number = (await program.post(uri, 'the first')).json.version
      await everybodyGets('the first', version - 1)

      const posts = 12
      const read = await allStatementsOf(async () => {
        for (let n = 0; n < posts; n++) {
          const { json } = await elsewhere.post(uri, `elsewhere ${n}.`)
          await everybodyGets(`elsewhere ${n}.`, version)
          version = json.version
        }
      })
      assert.equal(reads(read), posts, 'reads of what another process posted')

      const burst = await allStatementsOf(async () => {
        await Promise.all(Array.from({ length: 40 }, (_, n) => elsewhere.post(uri, `burst ${n}.`)))
        await until(() => readers.every(({ texts }) => texts.every(text => count(text(), '<p>burst ') === 40)))
      })
      assert.ok(reads(burst) <= 40, `${reads(burst)} reads of a burst`)

      version = await versionOf(site.pool, uri)
      const posted = await allStatementsOf(async () => {
        for (let n = 0; n < posts; n++) {
          const { json } = await program.post(uri, `local ${n}.`)
          await everybodyGets(`local ${n}.`, version)
          version = json.version
        }
      })
      assert.equal(reads(posted), 0, 'reads of what this process posted')

      for (const { texts } of readers) {
        for (const text of texts) {
          for (let n = 0; n < posts; n++) {
            assert.equal(count(text(), `<p>local ${n}.</p>`), 1)
            assert.equal(count(text(), `<p>elsewhere ${n}.</p>`), 1)
          }
        }
      }
    }))

  interface Readers {
    /** What each has got so far. */
    texts: (() => string)[]
    /** How many are over. */
    ended(): number
  }

  /** One of each kind: for programs, for pages, for pages without JavaScript, and a WebSocket. */
  async function openReaders(site: Site, uri: string, ann: Visitor, program: Program): Promise<Readers> {
    const byToken = { authorization: `Token ${program.token}` }
    const byCookie = { cookie: cookie(ann) }
    const streams = await Promise.all([
      openStream(`${site.url}/api/chats/${uri}/live/`, { ...byToken, accept: 'text/event-stream' }),
      openStream(`${site.url}/chats/${uri}/live`, { ...byCookie, ...PAGE_STREAM }),
      openStream(`${site.url}/chats/${uri}/live?inside`, { ...byCookie, ...FRAME }),
    ])
    assert.deepEqual(
      streams.map(({ status }) => status),
      [200, 200, 200],
    )
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/api/chats/${uri}/live/`, { headers: byToken })
    const received: string[] = []
    socket.on('message', data => received.push(String(data)))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    closing.push(() => {
      socket.terminate()
      for (const stream of streams) {
        stream.cut()
      }
    })
    return {
      texts: [...streams.map(stream => () => stream.text), () => received.join('\n')],
      ended: () => streams.filter(({ ended }) => ended).length + (socket.readyState === WebSocket.OPEN ? 0 : 1),
    }
  }

  /** Somebody at a browser, and a program, who are both in as many chats. */
  async function people(site: Site, chats: number) {
    const ann = await new Visitor(site).signUp('ann')
    const program = await signUpProgram(site, 'prog')
    const uris: string[] = []
    for (let n = 0; n < chats; n++) {
      const uri = await program.startChat()
      assert.equal((await ann.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })).status, 200)
      uris.push(uri)
    }
    return { ann, program, uris }
  }

  /** Asks the same again and again on one connection; resolves to the answer as it came. */
  async function poller(site: Site, path: string, headers: Record<string, string>): Promise<() => Promise<string>> {
    const { port, host } = new URL(site.url)
    const socket: Socket = connect(Number(port), '127.0.0.1')
    closing.push(() => socket.destroy())
    socket.setNoDelay(true).setEncoding('latin1')
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const asks = `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
    let received = ''
    let heard = (_answer: string) => {}
    socket.on('data', (text: string) => {
      received += text
      if (isWhole(received)) {
        heard(received)
        received = ''
      }
    })
    const broken = new Promise<never>((_, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('The connection of a poller was closed')))
    })
    broken.catch(() => {})
    return () => {
      const answer = new Promise<string>(resolve => {
        heard = resolve
      })
      socket.write(asks)
      return Promise.race([answer, broken])
    }
  }
})

/** Whether the answer has come to its end. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end)) ?? []
  return end >= 0 && answer.length >= end + 4 + Number(length)
}

function cookie({ cookies }: Visitor): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

function count(text: string, part: string): number {
  return text.split(part).length - 1
}
