import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { AllPollReader, type AllReader, AllStreamReader, faultOf, knownTo } from '../support/all-readers.js'
import { createDatabase, databaseUrl, dropDatabase, openPool } from '../support/databases.js'
import { startServer, until } from '../support/server.js'
import { openSite } from '../support/site.js'
import { Program, type SiteForUsers, signUpProgram } from '../support/visitor.js'

const MEMBERS = 3
const CHATS = 8

const any = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T

describe('readers of all their chats who are cut off at random', () => {
  for (const BUS of ['postgres', 'off']) {
    it(`miss nothing, get nothing twice, and each chat in order, with BUS=${BUS}${BUS === 'off' ? ' @long' : ''}`, async function () {
      const one = await openSite({ BUS })
      const other = await openSite({ BUS }, one)
      try {
        await judge(this.test, one, [one.url, other.url], one.pool, 200)
      } finally {
        await other.close()
        await one.close()
      }
    })

    it(`do so for long, from two processes, with BUS=${BUS} @long`, async function () {
      this.timeout(600_000)
      const address = await createDatabase()
      const pool = openPool(address)
      const env = { DATABASE_URL: databaseUrl(address), LIMITS: 'off', BUS }
      const servers = await Promise.all([startServer(env), startServer(env)])
      try {
        await judge(
          this.test,
          { url: servers[0].url },
          servers.map(({ url }) => url),
          pool,
          1000,
        )
      } finally {
        for (const { child, ended } of servers) {
          child.kill('SIGKILL')
          await ended
        }
        await pool.end()
        await dropDatabase(address.database)
      }
    })
  }

  /** What is to be expected comes from the database alone. */
  async function judge(
    test: { title: string } | undefined,
    site: SiteForUsers,
    urls: readonly string[],
    pool: pg.Pool,
    deeds: number,
  ) {
    const owner = await signUpProgram(site, 'olga')
    const members: { name: string; program: Program; id: number; begun: Map<string, number>; readers: AllReader[] }[] =
      []
    for (let n = 0; n < MEMBERS; n++) {
      const program = await signUpProgram(site, `mia${n}`)
      const { id } = (await program.call('GET', '/api/account/')).json
      members.push({ name: `mia${n}`, program, id, begun: new Map(), readers: [] })
    }
    const uris = await Promise.all(Array.from({ length: CHATS }, () => owner.startChat()))
    for (const { program } of members) {
      await Promise.all(uris.slice(0, CHATS / 2).map(uri => program.join(uri)))
    }
    const { rows } = await pool.query('select l.uri, c.version from chats c join links l on l.chat_id = c.id')
    for (const { program, begun, readers } of members) {
      for (const { uri, version } of rows) {
        begun.set(uri, Number(version))
      }
      const { cursor } = (await program.call('GET', '/api/events/')).json
      readers.push(new AllStreamReader(urls, program, cursor), new AllPollReader(urls, program, cursor))
    }
    const all = members.flatMap(({ readers }) => readers)
    for (const reader of all) {
      reader.follow()
    }
    await act(
      urls,
      pool,
      owner,
      members.map(({ program, id }) => ({ program, id })),
      uris,
      deeds,
      () => all.every(({ cuts }) => cuts > 3),
    )
    for (const reader of all) {
      reader.calm = true
    }
    const faults = async () => {
      const found: string[] = []
      for (const { name, id, begun, readers } of members) {
        for (const known of await knownTo(pool, id, begun)) {
          for (const reader of readers) {
            const heard = reader.heard.filter(({ uri }) => uri === known.uri)
            const fault = faultOf(known, heard)
            const told = heard.map(({ event, version, reason }) => reason ?? `${event} ${version}`).join(', ')
            found.push(...(fault ? [`${reader.constructor.name} of ${name}: ${fault}: ${told}`] : []))
          }
        }
      }
      return found
    }
    // Only what is still on its way may be missing now.
    const now = await faults()
    assert.deepEqual(
      now.filter(fault => !fault.includes(': lacks ')),
      [],
    )
    await until(async () => (await faults()).length === 0).catch(async () => assert.deepEqual(await faults(), []))
    await Promise.all(all.map(reader => reader.stop()))
    assert.deepEqual(await faults(), [])
    const sum = (count: (reader: AllReader) => number) => all.reduce((sum, reader) => sum + count(reader), 0)
    const told = sum(({ heard }) => heard.length)
    assert.ok(told > 50, `${told} events`)
    if (test) {
      test.title += ` (${told} events, ${sum(({ cuts }) => cuts)} cuts)`
    }
  }
})

/** Everybody does everything at once, so many deeds in all and until it is enough: posts, quick and slow ones, joins, departures, removals, deletions. */
async function act(
  urls: readonly string[],
  pool: pg.Pool,
  owner: Program,
  members: readonly { program: Program; id: number }[],
  uris: string[],
  deeds: number,
  isEnough: () => boolean,
) {
  let left = deeds
  const keep = async (pause: number, one: () => Promise<unknown>) => {
    while (left-- > 0 || !isEnough()) {
      await one()
      await wait(Math.random() * 2 * pause)
    }
  }
  const by = ({ token }: Program) => new Program({ url: any(urls) }, token)
  await Promise.all([
    keep(5, () => by(owner).post(any(uris), 'quick')),
    ...members.map(({ program }) => keep(15, () => by(program).post(any(uris), 'mine'))),
    // While it is held open, later transactions are committed.
    ...Array.from({ length: 3 }, () => keep(20, () => postSlowly(pool, any(uris.slice(-3))))),
    keep(10, () => by(any(members).program).join(any(uris))),
    keep(60, () => by(any(members).program).call('DELETE', `/api/chats/${any(uris)}/members/me/`)),
    keep(100, () => by(owner).call('DELETE', `/api/chats/${any(uris)}/members/${any(members).id}/`)),
    keep(250, async () => {
      const [gone] = uris.splice(Math.floor(Math.random() * uris.length), 1, await owner.startChat())
      await by(owner).call('DELETE', `/api/chats/${gone}/`, { name: 'Chat started by olga' })
    }),
  ])
}

/** A post whose transaction takes long. */
async function postSlowly(pool: pg.Pool, uri: string) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    // It has its number before it waits for the chat: numbers are not in the order of the commits.
    await client.query('select pg_current_xact_id()')
    await wait(Math.random() * 20)
    await client.query(
      `with moved as (
         update chats c set version = c.version + 1 from links l
         where l.uri = $1 and c.id = l.chat_id and c.deleted_at is null returning c.id, c.version, c.owner_id
       )
       insert into events (chat_id, version, kind, author_id, text)
       select id, version, 'message', owner_id, 'slow' from moved`,
      [uri],
    )
    await wait(Math.random() * 20)
    await client.query('commit')
  } finally {
    client.release()
  }
}
