import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { openBroker, skipWithoutBroker } from '../support/broker.js'
import { eventsIn, openStream, postSurely, StreamReader, versionOf } from '../support/readers.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'
import { hearsByBus, openWire, SWEEP } from '../support/wire.js'

/** How long what was confirmed may be answered from memory, in milliseconds. */
const FRESH = 1500

describe('while the database cannot be reached', () => {
  const closing: (() => unknown)[] = []

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
  })

  async function open(env: Record<string, string> = {}, beside?: Pick<Site, 'address'>): Promise<Site> {
    const site = await openSite(env, beside as Site)
    closing.push(() => site.close())
    return site
  }

  /** A site whose way to the other's database is a wire. */
  async function openBehindWire(env: Record<string, string>, beside: Site) {
    const wire = await openWire(beside.address as Parameters<typeof openWire>[0])
    closing.push(() => wire.close())
    return { wire, far: await open(env, { address: wire.address }) }
  }

  for (const how of ['', ', which RabbitMQ carries @long']) {
    it(`nothing is lost when all connections are cut, again and again, and what is new is told of by the bus afterwards${how}`, async function () {
      const env: Record<string, string> = how ? { BUS: await byBroker(this) } : {}
      await cutAgainAndAgain(env)
    })
  }

  async function byBroker(test: Mocha.Context): Promise<string> {
    skipWithoutBroker.call(test)
    const broker = await openBroker()
    closing.push(() => broker.close())
    return broker.url
  }

  async function cutAgainAndAgain(env: Record<string, string>) {
    const near = await open(env)
    const { wire, far } = await openBehindWire(env, near)
    const { ann, bob, uri, begin } = await chat(near)
    const readers = [near, far].map(site => follow(site, uri, bob, begin))
    await until(() => readers.every(({ streams }) => streams === 1))
    let posted = 0
    let writing = true
    const written = Promise.all(
      [ann, bob].map(async (writer, n) => {
        for (let count = 0; writing; count++) {
          await postSurely([near, far], uri, writer, `${n}:${count}`)
          posted++
        }
      }),
    )
    for (let stroke = 0; stroke < 5; stroke++) {
      const enough = posted + 20
      await until(() => posted >= enough)
      await terminate(near)
    }
    writing = false
    await written
    await until(() => [near, far].every(site => site.live.measured().bus.isUp))

    await hearsByBus(wire, readers[1] as StreamReader, () => postSurely([near], uri, ann, `afterwards ${posted++}`))

    const kept = await eventsIn(near.pool, uri, begin)
    assert.equal(kept.length, posted)
    for (const reader of readers) {
      await reader.reached(kept.at(-1)?.version ?? 0)
      await reader.stop()
      assert.deepEqual(reader.seen, kept)
    }
  }

  it('polls and streams are refused with 503, and everything goes on by itself then @long', async () => {
    const site = await open()
    const { ann, bob, uri, begin } = await chat(site)
    const visitor = await new Visitor(site).signUp('visitor')
    await visitor.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
    const version = await versionOf(site.pool, uri)
    const reader = follow(site, uri, bob, begin)
    await reader.reached(version)
    const page = await openStream(`${site.url}/chats/${uri}/live?after=${version}`, {
      accept: 'text/event-stream',
      'hx-request': 'true',
      cookie: [...visitor.cookies].map(pair => pair.join('=')).join('; '),
    })
    const polls = [
      () => visitor.htmx('GET', `/chats/${uri}/messages?after=${version}`),
      () => bob.call('GET', `/api/chats/${uri}/messages/?after=${version}`),
    ]
    const answers: { poll: number; sentAt: number; cameAt: number; status: number; retryAfter: string | null }[] = []
    let polling = true
    const polled = Promise.all(
      polls.map(async (ask, poll) => {
        while (polling) {
          const sentAt = performance.now()
          const { status, headers } = await ask()
          answers.push({ poll, sentAt, cameAt: performance.now(), status, retryAfter: headers.get('retry-after') })
          await wait(50)
        }
      }),
    )
    await until(() => answers.length > 10)

    const closesAt = performance.now()
    const restore = await closeDatabase(site)
    const closedAt = performance.now()
    await page.over
    const endedAfter = performance.now() - closedAt
    await until(() => reader.farewells.length === 1)
    // While nothing is confirmed nobody is taken in.
    const refused = await bob.call('GET', `/api/chats/${uri}/live/`, undefined, { accept: 'text/event-stream' })
    assert.equal(refused.status, 503)
    assert.equal((await fetch(`${site.url}/up`)).status, 200)
    assert.equal((await fetch(`${site.url}/ready`)).status, 503)
    assert.equal((await ann.post(uri, 'refused')).status, 503)
    const message = postSurely([site], uri, ann, 'written in the dark')
    const restoredAt = performance.now()
    await restore()
    const { version: posted } = await message
    await reader.reached(posted)
    const resumedAfter = performance.now() - restoredAt
    await until(() => answers.slice(-2).every(({ status }) => status === 200))
    polling = false
    await polled

    assert.match(page.text, /event: restart\nretry: [1-8]\d{3}\n/)
    assert.equal(reader.farewells[0]?.event, 'restart')
    assert.deepEqual(
      reader.seen.filter(({ event }) => event === 'message').map(({ message }) => message),
      ['written in the dark'],
    )
    for (const { poll, sentAt, cameAt, status, retryAfter } of answers) {
      const when = `poll ${poll}, ${Math.round(sentAt - closedAt)} ms after the cut`
      if (cameAt < closesAt) {
        assert.equal(status, poll === 0 ? 204 : 200, when)
      } else if (sentAt > closedAt + FRESH && cameAt < restoredAt) {
        assert.equal(status, 503, when)
      }
      if (status === 503) {
        assert.match(retryAfter ?? '', /^\d+$/, when)
      } else {
        assert.ok(status === 200 || status === 204, `${when}: ${status}`)
      }
    }
    // 5 s are promised for both.
    console.log(
      `      streams ended after ${Math.round(endedAfter)} ms, and went on ${Math.round(resumedAfter)} ms after the end`,
    )
  })

  for (const how of ['', ', while RabbitMQ goes on bringing it hints']) {
    it(`a site that is cut off says nothing that is out of date, and loses nothing${how} @long`, async function () {
      const env: Record<string, string> = how ? { BUS: await byBroker(this) } : {}
      await cutOff(env)
    })
  }

  async function cutOff(env: Record<string, string>) {
    const near = await open(env)
    const { wire, far } = await openBehindWire(env, near)
    const { ann, bob, uri } = await chat(near)
    const [cal, eve] = await Promise.all([signUpProgram(near, 'cal'), signUpProgram(near, 'eve')])
    await cal.join(uri)
    await eve.join(uri)
    const version = await versionOf(near.pool, uri)
    const readers = [bob, cal, eve].map(program => follow(far, uri, program, version))
    await until(() => readers.every(({ streams }) => streams === 1))
    const ask = () => fetch(`${far.url}/api/chats/${uri}/messages/?after=${version}`, bearer(bob))
    assert.equal((await ask()).status, 200)

    await wire.cut()
    const cutAt = performance.now()
    const sent = [(await postSurely([near], uri, ann, 'for cal as well')).version]
    await removeMember(near, uri, 'cal')
    const removed = await versionOf(near.pool, uri)
    assert.equal((await eve.call('POST', '/auth/token/destroy/')).status, 204)
    let wrong = 0
    let refused = 0
    // Shorter than streams are kept waiting, where the machine is not held up: they get what is new by themselves.
    while (performance.now() < cutAt + 3000 || refused <= 10) {
      const sentAt = performance.now()
      const answer = await ask()
      if (answer.status === 503) {
        refused++
      } else if (sentAt > cutAt + FRESH) {
        wrong++
      }
      await answer.text()
      await wait(50)
    }
    assert.equal(wrong, 0, 'answers from a memory that is out of date')
    const { version: tooLate } = await postSurely([near], uri, ann, 'seconds later, not for cal and eve')
    await wire.mend()

    sent.push((await postSurely([near], uri, ann, 'for those who are left')).version)
    const [ofBob, ofCal, ofEve] = readers as [StreamReader, StreamReader, StreamReader]
    await ofBob.reached(sent.at(-1) ?? 0)
    await until(() => ofCal.refused !== undefined && ofEve.refused !== undefined)
    assert.equal(ofCal.refused, 404)
    assert.equal(ofEve.refused, 401)
    assert.deepEqual(ofBob.seen, await eventsIn(near.pool, uri, version))
    assert.ok(ofCal.cursor <= removed, 'what was posted after the removal came to whom it removed')
    assert.ok(ofEve.cursor < tooLate, 'what was posted seconds later came to whom was signed out')
    assert.equal((await ask()).status, 200)
  }

  it('whoever was removed or signed out elsewhere gets nothing more, while the sweep hears nothing and posts go on @long', async () => {
    const near = await open({ BUS: 'off' })
    const { wire, far } = await openBehindWire({ BUS: 'off' }, near)
    const { ann, bob, uri } = await chat(near)
    const cal = await signUpProgram(near, 'cal')
    await cal.join(uri)
    const authors = await unknownPrograms(near, uri, 24)
    const version = await versionOf(near.pool, uri)
    const readers = [bob, cal, ann].map(program => follow(far, uri, program, version))
    const [ofBob, ofCal, ofAnn] = readers as [StreamReader, StreamReader, StreamReader]
    await until(() => readers.every(({ streams }) => streams === 1))
    const first = await postSurely([far], uri, ann, 'for all')
    await Promise.all(readers.map(reader => reader.reached(first.version)))

    wire.hold(SWEEP)
    // The sweep that is under way may still be answered.
    await until(() => wire.held > 0)
    assert.equal((await bob.call('POST', '/auth/token/destroy/')).status, 204)
    await removeMember(near, uri, 'cal')
    const endedAt = performance.now()
    const posts: { version: number; sentAt: number }[] = []
    // Whoever is new to the process is asked about in the database, and can post where those who are known have to wait.
    for (const author of authors) {
      const sentAt = performance.now()
      posts.push({ sentAt, ...(await postSurely([far], uri, author, `after ${posts.length}`)) })
      await wait(150)
    }
    wire.release()
    await until(() => ofBob.refused !== undefined && ofCal.refused !== undefined)
    posts.push({ sentAt: performance.now(), ...(await postSurely([far], uri, ann, 'in the light')) })
    await ofAnn.reached(posts.at(-1)?.version ?? 0)

    assert.equal(ofBob.refused, 401)
    assert.equal(ofCal.refused, 404)
    // Those that were sent in the dark, and those that were posted after it, are all too late.
    const tooLate = posts.find(({ sentAt }) => sentAt > endedAt + 2000)?.version ?? 0
    assert.ok(tooLate > 0 && tooLate < (posts.at(-1)?.version ?? 0))
    assert.ok(ofBob.cursor < tooLate, 'whoever was signed out got what was posted 2 s later')
    assert.ok(ofCal.cursor < tooLate, 'whoever was removed got what was posted 2 s later')
    assert.deepEqual(ofAnn.seen, await eventsIn(near.pool, uri, version))
  })

  it('/ready says that it is silent @long', async () => {
    const near = await open()
    const { wire, far } = await openBehindWire({}, near)
    wire.hold('update "secrets"')
    const answer = await fetch(`${far.url}/ready`)
    assert.equal(answer.status, 503)
    assert.ok(wire.held > 0)
    assert.match(await answer.text(), /does not answer in time/)
    wire.release()
    await until(async () => (await fetch(`${far.url}/ready`)).status === 200)
  })

  it('one connection to it that falls silent holds up nobody until it is given up @long', async () => {
    const near = await open()
    const { wire, far } = await openBehindWire({}, near)
    const { ann, bob, uri, begin } = await chat(near)
    const reader = follow(far, uri, bob, begin)
    await until(() => reader.streams === 1)
    const ask = () => fetch(`${far.url}/api/chats/${uri}/messages/?after=${begin}`, bearer(ann))
    assert.equal((await ask()).status, 200)

    wire.hold(SWEEP, 1)
    const times: number[] = []
    await until(() => wire.held === 1)
    const silentAt = performance.now()
    // For longer than what was confirmed before is answered from memory.
    for (let status = 0; status !== 200 || performance.now() < silentAt + 2 * FRESH; ) {
      const sentAt = performance.now()
      status = (await ask()).status
      times.push(performance.now() - sentAt)
      assert.ok(status === 200 || status === 503, `${status}`)
      await wait(100)
    }
    const { version } = await postSurely([near], uri, ann, 'afterwards')
    await reader.reached(version)
    assert.equal(wire.held, 1)
    // 5 s are promised.
    console.log(`      an answer took ${Math.round(Math.max(...times))} ms at most`)
  })

  function follow(site: Site, uri: string, program: Program, after: number): StreamReader {
    const reader = new StreamReader(site, uri, program, after).follow()
    closing.push(() => reader.stop())
    return reader
  }
})

/** A chat of two programs. */
async function chat(site: Site) {
  const [ann, bob] = await Promise.all([signUpProgram(site, 'ann'), signUpProgram(site, 'bob')])
  const uri = await ann.startChat()
  await bob.join(uri)
  const begin = await versionOf(site.pool, uri)
  return { ann, bob, uri, begin }
}

/** A member with so many tokens, none of which was used yet. */
async function unknownPrograms(site: Site, uri: string, count: number): Promise<Program[]> {
  await (await signUpProgram(site, 'dan')).join(uri)
  return Promise.all(
    Array.from({ length: count }, async () => {
      const account = { username: 'dan', password: PASSWORD }
      const { json } = await new Program(site).call('POST', '/auth/token/create/', account)
      return new Program(site, json.auth_token)
    }),
  )
}

function bearer({ token }: Program) {
  return { headers: { authorization: `Token ${token}` } }
}

const OTHERS = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()'

/** Ends every connection to the site's database. */
async function terminate({ address }: Site) {
  await outside(address, async client => {
    await client.query(OTHERS, [address.database])
  })
}

/** The database takes no connections until what this resolves to is called. */
async function closeDatabase({ address }: Site): Promise<() => Promise<void>> {
  const allow = (allowed: boolean) =>
    outside(address, async client => {
      await client.query(`alter database ${address.database} allow_connections ${allowed}`)
      await client.query(OTHERS, [address.database])
    })
  await allow(false)
  return () => allow(true)
}

async function outside(address: Site['address'], act: (client: pg.Client) => Promise<void>) {
  const client = new pg.Client({ ...address, database: 'postgres' })
  await client.connect()
  try {
    await act(client)
  } finally {
    await client.end()
  }
}
