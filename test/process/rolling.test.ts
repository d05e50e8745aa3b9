import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { connect } from '../../src/db/connection.js'
import { type Fleet, isServing, openFleet } from '../support/fleet.js'
import { eventsIn, openStream } from '../support/readers.js'
import { type Running, until } from '../support/server.js'
import { FRAMED } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

/** Between two requests of a sender or a reader who polls, and before a reader whose stream has ended comes back, in milliseconds. */
const PAUSE = 50

for (const name of ['nginx', 'caddy'] as const) {
  describe(`two machines behind ${name}`, () => {
    let fleet: Fleet | undefined
    after(() => fleet?.close())

    it('are restarted one after the other: no request fails, no reader misses anything @long', async function () {
      fleet = await openFleet.call(this, name)
      const { url, front, machines, running, restart } = fleet
      const { db, pool } = connect(machines.address, () => {})
      const site = { url, db }
      const ann = await signUpProgram(site, 'ann')
      const uri = await ann.startChat()
      const bob = await new Visitor(site).signUp('bob')
      await bob.get(`/chats/${uri}`)
      const people = new People(url, uri, ann, bob)
      let events: Awaited<ReturnType<typeof eventsIn>>
      people.begin()
      try {
        await until(() => people.arePosting(10))
        for (const [place, upstream] of machines.upstreams.entries()) {
          const stopping = running[place] as Running
          await front.takeOut(upstream)
          stopping.child.kill('SIGTERM')
          assert.equal(await stopping.ended, 0)
          await restart(place)
          await front.putBack(upstream)
          await until(() => isServing(running[place] as Running))
        }
        const { posted } = people
        await until(() => people.arePosting(posted + 10))
        await people.end()
        events = await eventsIn(pool, uri, 0)
        await until(() => people.haveRead(events.at(-1)?.version ?? 0))
      } finally {
        await people.leave()
        await pool.end()
      }
      assert.deepEqual(people.failures, [])
      const texts = events.filter(({ event }) => event === 'message').map(({ message }) => message)
      assert.equal(new Set(texts).size, texts.length, 'one was stored twice')
      assert.equal(texts.length, people.posted)
      const all = events.map(({ version }) => version)
      for (const [reader, versions] of Object.entries(people.seen)) {
        assert.deepEqual(versions, all, reader)
      }
      console.log(`      ${people.posted} posts, ${people.requests} requests, ${people.streams} streams`)
    })
  })
}

/** Two who write and four who read. Each request has a connection of its own to the proxy, and what fails is noted and not repeated. */
class People {
  posted = 0
  requests = 0
  streams = 0
  readonly failures: string[] = []
  /** The versions that each reader got, in their order. */
  readonly seen: Record<'polls' | 'events' | 'socket' | 'frame', number[]> = {
    polls: [],
    events: [],
    socket: [],
    frame: [],
  }
  private posting = true
  private reading = true
  private readonly cuts = new Set<() => void>()
  private writers: Promise<unknown> = Promise.resolve()
  private readers: Promise<unknown> = Promise.resolve()
  private readonly counts = { json: 0, form: 0 }

  private readonly url: string
  private readonly uri: string
  private readonly authorization: string
  private readonly cookie: string
  private readonly csrf: string

  constructor(url: string, uri: string, { token }: Program, { cookies, csrf }: Visitor) {
    this.url = url
    this.uri = uri
    this.authorization = `Token ${token}`
    this.cookie = `sid=${cookies.get('sid')}`
    this.csrf = csrf
  }

  begin() {
    const { uri, authorization, cookie, csrf, counts } = this
    this.writers = Promise.all([
      this.repeat('posting', async () => {
        const body = JSON.stringify({ message: `json ${++counts.json}` })
        const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': `json ${counts.json}` }
        await this.ask('POST', `/api/chats/${uri}/messages/`, headers, 201, body)
        this.posted++
      }),
      this.repeat('posting', async () => {
        const key = `form-${++counts.form}`
        const body = String(new URLSearchParams({ csrf, key, message: `form ${counts.form}` }))
        const headers = { cookie, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' }
        await this.ask('POST', `/chats/${uri}/messages`, headers, 303, body)
        this.posted++
      }),
    ])
    this.readers = Promise.all([
      this.repeat('reading', async () => {
        const path = `/api/chats/${uri}/messages/?after=${this.seen.polls.at(-1) ?? 0}`
        const { messages } = JSON.parse(await this.ask('GET', path, { authorization }, 200))
        this.seen.polls.push(...messages.map(({ version }: { version: number }) => version))
      }),
      this.repeat('reading', () => this.followEvents()),
      this.repeat('reading', () => this.followSocket()),
      this.repeat('reading', () => this.followFrame()),
    ])
  }

  /** Whether each writer has posted, and so many messages were posted together. */
  arePosting(count: number) {
    return this.posted >= count && this.counts.json > 1 && this.counts.form > 1
  }

  haveRead(version: number) {
    return Object.values(this.seen).every(versions => (versions.at(-1) ?? 0) >= version)
  }

  /** Nobody writes any more. */
  async end() {
    this.posting = false
    await this.writers
  }

  async leave() {
    this.posting = false
    this.reading = false
    for (const cut of this.cuts) {
      cut()
    }
    await Promise.all([this.writers, this.readers])
  }

  private async repeat(what: 'posting' | 'reading', work: () => Promise<unknown>) {
    while (this[what]) {
      await work().catch(error => this[what] && this.failures.push(String(error)))
      await wait(PAUSE)
    }
  }

  private async ask(method: string, path: string, headers: Record<string, string>, status: number, body = '') {
    this.requests++
    const asked = request(this.url + path, {
      method,
      agent: false,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    asked.end(body)
    try {
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of answer.setEncoding('utf8')) {
        text += chunk
      }
      assert.equal(answer.statusCode, status, text)
      return text
    } catch (error) {
      throw new Error(`${new Date().toISOString()} ${method} ${path}: ${error}`)
    }
  }

  private async followEvents() {
    const { seen, uri, authorization } = this
    const path = `/api/chats/${uri}/live/?after=${seen.events.at(-1) ?? 0}`
    const headers = { authorization, accept: 'text/event-stream' }
    const text = await this.follow(path, headers, /^id: (\d+)\nevent: (?!ready)\w+\n/gm, seen.events)
    assert.match(text, /event: restart\n/, 'a stream was cut')
  }

  private async followFrame() {
    const headers = { cookie: this.cookie, ...FRAMED }
    await this.follow(`/chats/${this.uri}/live?inside`, headers, / id="(?:event|message)-(\d+)"/g, this.seen.frame)
  }

  /** Reads a stream until it ends. What it shows and was not seen before it began comes into `seen`. Resolves to all of it. */
  private async follow(path: string, headers: Record<string, string>, shows: RegExp, seen: number[]) {
    this.streams++
    const last = seen.at(-1) ?? 0
    const before = seen.length
    let whole = ''
    const stream = await openStream(this.url + path, headers, text => {
      whole += text
      const shown = [...whole.matchAll(shows)].map(([, version]) => Number(version))
      seen.splice(before, seen.length, ...shown.filter(version => version > last))
    })
    this.cuts.add(stream.cut)
    await stream.over
    this.cuts.delete(stream.cut)
    assert.equal(stream.status, 200, `${path}: ${whole}`)
    return whole
  }

  private async followSocket() {
    this.streams++
    const path = `/api/chats/${this.uri}/live/?after=${this.seen.socket.at(-1) ?? 0}`
    const socket = new WebSocket(this.url.replace('http', 'ws') + path, {
      headers: { authorization: this.authorization },
    })
    const cut = () => socket.terminate()
    this.cuts.add(cut)
    socket.on('message', data => {
      const { event, version } = JSON.parse(String(data))
      if (event !== 'ready') {
        this.seen.socket.push(version)
      }
    })
    const [code] = await once(socket, 'close')
    this.cuts.delete(cut)
    assert.equal(code, 1012)
  }
}
