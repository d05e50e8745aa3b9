// npm run bench -- large [messages]: how long pages and searches take in a chat of a million messages, and for a user who is in 1,000 chats; and a page, a
// poll and a post in that chat beside some of ten and of sixty messages.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LIMITS } from '../src/config.js'
import { chatsOf } from '../src/db/chats.js'
import { connect, probe } from '../src/db/connection.js'
import { chatView, messageInContext } from '../src/db/events.js'
import { countedMembers } from '../src/db/members.js'
import { finishMigrations, migrate } from '../src/db/migrate.js'
import { searchChat, searchChats } from '../src/db/search.js'
import { startCluster } from '../src/postgres/cluster.js'
import { parseQuery } from '../src/text/search-query.js'
import { databaseUrl } from '../test/support/databases.js'
import { credentials } from '../test/support/streams.js'
import { type Program, signUpProgram, Visitor } from '../test/support/visitor.js'
import { getRequest, postRequest } from './load.js'
import { start, stop } from './programs.js'
import { inTurns, type Line } from './turns.js'

const COUNT = Number(process.argv[2] ?? 1_000_000)
const CHATS = 1_000
const EACH = 200
const AT_ONCE = 20_000

/** Words in half of the messages, in about 1 of 1,000, in 1 of 100,000, only in the older half, and in none. */
const QUERIES = [
  'wb',
  'wb wc',
  'wjaa',
  'rare',
  'old',
  'wb -wc',
  '"wb wc"',
  '"rare wb"',
  'nowhere',
  'wb nowhere',
  'beg',
  'wbb',
]

/** Plain words of every frequency, and phrases of common ones, for how long a search in all chats takes at most. */
const WORDS = [...Array.from({ length: 90 }, (_, n) => word(1.108 ** n)), 'rare', 'old', 'nowhere', 'beg', 'beginning']
const PHRASES = Array.from({ length: 20 }, (_, n) => `"${word(1 + (n % 5))} ${word(2 + (n % 4))} ${word(1 + (n % 3))}"`)

/** Twelve words of 10,000, some much more common than others. SQL of n. */
const TEXT = `(select string_agg('w' || translate(floor(exp(random() * 9.2))::int::text, '0123456789', 'abcdefghij'), ' ') from generate_series(1, 12) g where n > 0)`

const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const cluster = await startCluster(folder, () => {})
const { db, pool } = connect(cluster.connection, () => {}, 1)
try {
  await migrate(cluster.connection, console.log)
  await finishMigrations(cluster.connection, console.log, new AbortController().signal)
  await fill()
  await printPages()
  await printRequests()
  const results: Record<string, Record<string, string>> = {}
  for (const query of QUERIES) {
    const { websearch = '' } = parseQuery(query) ?? {}
    results[query] = {
      'in the chat': await time(() => searchChat(db, { chat_id: 1, user_id: 1 }, websearch, 21, COUNT + 1)),
      'in all': await time(() => searchChats(db, 1, websearch, 21)),
    }
  }
  console.log(
    `\nThe newest 21 of ${COUNT} messages in one chat, and of ${EACH} in each of ${CHATS} others; the median of 5, in ms\n`,
  )
  console.table(results)
  await printSearches()
} finally {
  await db.destroy()
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}

/** Asks as bob, who has read none of ann's messages. The time of the shortest possible statement is shown beside it. */
async function printPages() {
  const reader = { user_id: 2, reads: null }
  const part = {
    messages: LIMITS.messagesPerPage,
    members: LIMITS.membersOnPage,
    reader,
    before: undefined,
    from: undefined,
  }
  const pages: Record<string, () => Promise<unknown>> = {
    'floor: select 1': () => probe(db),
    'the start page, with what is unread in its 30 chats': () => chatsOf(db, 2, LIMITS.chatsPerPage + 1),
    'the chat’s page, from the database': () => chatView(db, 1, part),
    'the same in the middle of the chat': () => chatView(db, 1, { ...part, before: COUNT / 2 }),
    'what the page asks beside a list that is in memory': () => countedMembers(db, 1, LIMITS.membersOnPage, reader),
    'a message in its context': () =>
      messageInContext(db, { chat_id: 1, id: COUNT / 2, user_id: 2 }, LIMITS.messagesAround),
  }
  const results: Record<string, Record<string, string>> = {}
  const floor = Number(await time(() => probe(db)))
  for (const [name, ask] of Object.entries(pages)) {
    const ms = await time(ask)
    results[name] = { ms, 'times floor': (Number(ms) / floor).toFixed(0) }
  }
  console.log(`\nStatements for somebody who is in ${CHATS + 1} chats and has read nothing; the median of 5\n`)
  console.table(results)
}

/** A chat of ten messages is the floor of larger ones. A page shows fifty. */
async function printRequests() {
  const site = await start(['bin/start.js'], {
    DATABASE_URL: databaseUrl(cluster.connection),
    LIMITS: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
  })
  try {
    const at = { url: site.url.replace(/\/$/, ''), db }
    const writer = await signUpProgram(at, 'cat')
    const reader = await new Visitor(at).signUp('dan')
    const [ten, sixty] = [await writer.startChat(), await writer.startChat()]
    for (let n = 0; n < 60; n++) {
      await Promise.all([ten, sixty].slice(n < 10 ? 0 : 1).map(uri => writer.post(uri, `message ${n}`)))
    }
    const large = 'bench-uri-0123456789-1'
    await writer.join(large)
    const asForm = { 'x-csrf-token': reader.csrf, 'content-type': 'application/json' }
    const server = { port: Number(new URL(at.url).port), pid: site.child.pid ?? 0, senders: 4 }
    const lines: Line[] = []
    const chats = { 'ten messages': ten, 'sixty messages': sixty, [`${COUNT} messages`]: large }
    for (const [name, uri] of Object.entries(chats)) {
      await reader.send('PATCH', `/api/chats/${uri}/`, '{}', asForm)
      const { version } = (await writer.call('GET', `/api/chats/${uri}/`)).json
      for (const [what, request] of Object.entries(requestsTo(uri, version, reader, writer))) {
        lines.push({ ...server, name: `${what}, ${name}`, floor: `${what}, ten messages`, next: () => request })
      }
    }
    // Polls have nothing new as long as nobody has posted.
    const isPost = ({ name }: Line) => name.startsWith('post')
    await inTurns(
      'A chat of ten messages, and larger ones',
      lines.filter(line => !isPost(line)),
      3,
    )
    await inTurns('The same with posts', lines.filter(isPost), 3)
  } finally {
    await stop(site.child)
  }
}

function requestsTo(uri: string, version: number, reader: Visitor, writer: Program) {
  const asReader = { ...credentials(reader), Accept: 'text/html' }
  return {
    page: getRequest(`/chats/${uri}`, { ...asReader, 'Accept-Encoding': 'gzip' }),
    poll: getRequest(`/chats/${uri}/messages?after=${version}`, { ...asReader, 'HX-Request': 'true' }),
    post: postRequest(
      `/api/chats/${uri}/messages/`,
      { ...credentials(writer), 'Content-Type': 'application/json' },
      JSON.stringify({ message: 'a message like all others here' }),
    ),
  }
}

/** While somebody posts, as what was posted of late costs a search more. */
async function printSearches() {
  const results: Record<string, Record<string, string>> = {}
  for (const [name, queries] of Object.entries({ words: WORDS, phrases: PHRASES })) {
    const times: number[] = []
    let givenUp = 0
    for (const query of queries) {
      await grow(50)
      const { websearch = '' } = parseQuery(query) ?? {}
      const begun = performance.now()
      await searchChats(db, 1, websearch, 21).catch(() => givenUp++)
      times.push(performance.now() - begun)
    }
    times.sort((a, b) => a - b)
    const at = (part: number) => (times[Math.ceil(times.length * part) - 1] ?? 0).toFixed(1)
    results[name] = { median: at(0.5), p99: at(0.99), 'given up': String(givenUp) }
  }
  const { rows } = await pool.query("select pg_size_pretty(pg_relation_size('events_words')) as size")
  console.log(`\nSearches in all ${CHATS + 1} chats, 50 posts before each, in ms; the index has ${rows[0].size}\n`)
  console.table(results)
}

async function grow(count: number) {
  await pool.query(
    `with grown as (
       insert into events (chat_id, version, kind, author_id, text)
       select 1, version + n, 'message', 1, ${TEXT} from chats, generate_series(1, $1::int) n where id = 1
     )
     update chats set version = version + $1, last_message = version + $1, last_shown = version + $1 where id = 1`,
    [count],
  )
}

async function fill() {
  await pool.query(`
    insert into users (username, folded_username, name, folded_name, password_hash)
      values ('ann', 'ann', 'ann', 'ann', 'none'), ('bob', 'bob', 'bob', 'bob', 'none');
    insert into chats (owner_id) select 1 from generate_series(0, ${CHATS});
    insert into links (uri, chat_id) select 'bench-uri-0123456789-' || id, id from chats;
    insert into members (chat_id, user_id, name, folded_name) select id, 1, 'ann', 'ann' from chats;
    insert into members (chat_id, user_id, name, folded_name) select id, 2, 'bob', 'bob' from chats`)
  for (let from = 1; from <= COUNT; from += AT_ONCE) {
    await store('1, n', from, Math.min(COUNT, from + AT_ONCE - 1), COUNT)
    console.log(`${from + AT_ONCE - 1} messages`)
  }
  for (let from = 1; from <= CHATS * EACH; from += AT_ONCE) {
    await store(
      `2 + n % ${CHATS}, 1 + (n - 1) / ${CHATS}`,
      from,
      Math.min(CHATS * EACH, from + AT_ONCE - 1),
      CHATS * EACH,
    )
  }
  await pool.query(`
    update chats c set (version, last_message, last_shown, last_posted_at) =
      (select version, version, version, created_at from events e where e.chat_id = c.id order by version desc limit 1)`)
  await pool.query('vacuum analyze events')
}

/** Messages `from` to `to` of `count` that are spread over the same time, whatever their count. */
async function store(place: string, from: number, to: number, count: number) {
  await pool.query(`
    insert into events (chat_id, version, kind, author_id, text, created_at)
    select ${place}, 'message', 1,
      ${TEXT} || case when n % 100000 = 77 then ' rare beginnings' else '' end || case when n < ${count / 2} then ' old' else '' end,
      now() - (${count} - n)::float8 / ${count} * interval '30 days'
    from generate_series(${from}, ${to}) n`)
}

async function time(search: () => Promise<unknown>): Promise<string> {
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const begun = performance.now()
    try {
      await search()
    } catch {
      return 'given up'
    }
    times.push(performance.now() - begun)
  }
  return (times.sort((a, b) => a - b)[2] ?? 0).toFixed(1)
}

/** The words in TEXT, from the most common on. In letters, as digits would be words of their own. */
function word(n: number): string {
  return `w${[...String(Math.round(n))].map(digit => 'abcdefghij'[Number(digit)]).join('')}`
}
