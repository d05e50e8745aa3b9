// npm run bench -- large [messages]: how long pages and searches take in a chat of a million messages, and for a user who is in 1,000 chats.
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

const COUNT = Number(process.argv[2] ?? 1_000_000)
const CHATS = 1_000
const AT_ONCE = 20_000

/** Words in half of the messages, in about 1 of 1,000, in 1 of 100,000, only in the older half, and in none. */
const QUERIES = ['w1', 'w1 w2', 'w900', 'rare', 'old', 'w1 -w2', '"w1 w2"', '"rare w1"', 'nowhere', 'w1 nowhere']

const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const cluster = await startCluster(folder, () => {})
const { db, pool } = connect(cluster.connection, () => {}, 1)
try {
  await migrate(cluster.connection, console.log)
  await finishMigrations(cluster.connection, console.log, new AbortController().signal)
  await fill()
  await printPages()
  const results: Record<string, Record<string, string>> = {}
  for (const query of QUERIES) {
    const { websearch = '' } = parseQuery(query) ?? {}
    results[query] = {
      'in the chat': await time(() => searchChat(db, { chat_id: 1, user_id: 1 }, websearch, 21, COUNT + 1)),
      'in all': await time(() => searchChats(db, 1, websearch, 21)),
    }
  }
  console.log(
    `\nThe newest 21 of ${COUNT} messages in one chat, and of as many more in ${CHATS} others; the median of 5, in ms\n`,
  )
  console.table(results)
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

async function fill() {
  await pool.query(`
    insert into users (username, folded_username, name, folded_name, password_hash)
      values ('ann', 'ann', 'ann', 'ann', 'none'), ('bob', 'bob', 'bob', 'bob', 'none');
    insert into chats (owner_id) select 1 from generate_series(0, ${CHATS});
    insert into links (uri, chat_id) select 'bench-uri-0123456789-' || id, id from chats;
    insert into members (chat_id, user_id, name, folded_name) select id, 1, 'ann', 'ann' from chats;
    insert into members (chat_id, user_id, name, folded_name) select id, 2, 'bob', 'bob' from chats`)
  for (let from = 1; from <= COUNT; from += AT_ONCE) {
    for (const place of ['1, n', `2 + n % ${CHATS}, 1 + n / ${CHATS}`]) {
      await pool.query(`
        insert into events (chat_id, version, kind, author_id, text, created_at)
        select ${place}, 'message', 1,
          (select string_agg('w' || floor(exp(random() * 9.2))::int, ' ') from generate_series(1, 12) g where n > 0)
            || case when n % 100000 = 77 then ' rare' else '' end || case when n < ${COUNT / 2} then ' old' else '' end,
          now() - (${COUNT} - n) * interval '1 second'
        from generate_series(${from}, ${Math.min(COUNT, from + AT_ONCE - 1)}) n`)
    }
    console.log(`${from + AT_ONCE - 1} messages`)
  }
  await pool.query(`
    update chats c set (version, last_message, last_shown, last_posted_at) =
      (select version, version, version, created_at from events e where e.chat_id = c.id order by version desc limit 1)`)
  // If autovacuum kept the pending list from being emptied, the next post would do it.
  await pool.query(`select gin_clean_pending_list('events_search')`)
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
