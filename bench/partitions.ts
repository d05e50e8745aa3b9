// npm run bench -- partitions [messages]: the log of events as one table, and as sixteen parts by the hash of the chat. A message's way through the
// same statements and functions, on the same rows.
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { connect, withClient } from '../src/db/connection.js'
import { chatView, eventsAfter } from '../src/db/events.js'
import { postMessages } from '../src/db/messages.js'
import { finishMigrations, migrate } from '../src/db/migrate.js'
import { messagesOlderThan, pruneMessages } from '../src/db/pruning.js'
import type { Db } from '../src/db/schema.js'
import { searchChat } from '../src/db/search.js'
import { startCluster } from '../src/postgres/cluster.js'

const COUNT = Number(process.argv[2] ?? 1_000_000)
const CHATS = 1_000
const EACH = Math.ceil(COUNT / CHATS)
const PARTS = 16
const TRIES = 200
/** Twelve words of 10,000, some much more common than others. SQL of n. */
const TEXT = `(select string_agg('w' || translate(floor(exp(random() * 9.2))::int::text, '0123456789', 'abcdefghij'), ' ') from generate_series(1, 12) g where n > 0)`

const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const cluster = await startCluster(folder, () => {})
const address = cluster.connection
const results: Record<string, Record<string, string>> = {}
try {
  await migrate(address, () => {})
  await finishMigrations(address, () => {}, new AbortController().signal)
  const filling = performance.now()
  // Into an index row by row takes many times as long.
  const indexes = await dropIndexes()
  await command(fillAll())
  console.log(`Filled in ${seconds(filling)} s`)
  const indexing = performance.now()
  for (const index of indexes) {
    await command(index)
  }
  console.log(`Indexed in ${seconds(indexing)} s`)
  await measure('one table')
  const begun = performance.now()
  for (const step of inParts()) {
    await command(step)
  }
  console.log(`Copied into ${PARTS} parts in ${seconds(begun)} s`)
  await measure(`${PARTS} parts`)
  console.log(
    `\n${CHATS * EACH} messages in ${CHATS} chats; p50 and p99 of ${TRIES}, in ms; load average ${loadavg()[0]?.toFixed(1)}\n`,
  )
  console.table(results)
} finally {
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}

function fillAll(): string {
  return `
    insert into users (username, folded_username, name, folded_name, password_hash) values ('ann', 'ann', 'ann', 'ann', 'none');
    insert into chats (owner_id) select 1 from generate_series(1, ${CHATS});
    insert into links (uri, chat_id) select 'bench-uri-0123456789-' || id, id from chats;
    insert into members (chat_id, user_id, name, folded_name) select id, 1, 'ann', 'ann' from chats;
    insert into events (chat_id, version, kind, author_id, text, created_at)
      select 1 + n % ${CHATS}, 1 + (n - 1) / ${CHATS}, 'message', 1, ${TEXT}, now() - interval '100 days' + n * interval '1 second'
      from generate_series(1, ${CHATS * EACH}) n;
    update chats set version = ${EACH}, last_message = ${EACH}, last_shown = ${EACH}, last_posted_at = now();`
}

/** Drops all indexes of events but that of its primary key, and resolves to their definitions. */
async function dropIndexes(): Promise<string[]> {
  return withClient(address, async client => {
    const { rows } = await client.query(
      "select indexname, indexdef from pg_indexes where tablename = 'events' and indexname <> 'events_pkey'",
    )
    for (const { indexname } of rows) {
      await client.query(`drop index ${indexname}`)
    }
    return rows.map(({ indexdef }) => indexdef)
  })
}

/** What a migration to parts would do, but for letting posts go on meanwhile. */
function inParts(): string[] {
  return [
    `alter table reactions drop constraint reactions_chat_id_version_fkey;
     alter table mentions drop constraint mentions_chat_id_version_fkey;
     alter table events rename to events_before;
     alter index events_pkey rename to before_pkey;
     alter index events_key rename to before_key;
     alter index events_messages rename to before_messages;
     alter index events_asides rename to before_asides;
     alter index events_words rename to before_words`,
    'create table events (like events_before including defaults including constraints) partition by hash (chat_id)',
    ...Array.from(
      { length: PARTS },
      (_, n) => `create table events_${n} partition of events for values with (modulus ${PARTS}, remainder ${n})`,
    ),
    'insert into events select * from events_before',
    // In the order of their names: the definitions name the indexes that they are of.
    `do $$ declare made text; begin
       for made in select replace(replace(indexdef, 'events_before', 'events'), 'before_', 'events_') from pg_indexes where tablename = 'events_before' loop
         execute made;
       end loop;
     end $$`,
    // An index in parts has no list of its own to sort in.
    `do $$ declare made text; begin
       for made in select replace(pg_get_functiondef(oid), $a$gin_clean_pending_list('events_words')$a$,
         $b$gin_clean_pending_list(inhrelid) from pg_inherits where inhparent = 'events_words'::regclass$b$)
         from pg_proc where proname in ('search_chat', 'search_chats') loop
         execute made;
       end loop;
     end $$`,
    'drop table events_before cascade',
  ]
}

async function measure(name: string) {
  await command('vacuum analyze events')
  // One connection, which plans as the program's do.
  const { db } = connect(address, () => {}, 1)
  const chat = () => 1 + Math.floor(Math.random() * CHATS)
  const part = { messages: 50, members: 30, reader: { user_id: 1, reads: null }, before: undefined, from: undefined }
  const asks: Record<string, (db: Db) => Promise<unknown>> = {
    'a page of 50': () => chatView(db, chat(), part),
    'a poll with 5 new ones': () => eventsAfter(db, chat(), EACH - 5, 200),
    'a post': () =>
      postMessages(
        db,
        [
          {
            uri: `bench-uri-0123456789-${chat()}`,
            author_id: 1,
            text: 'wa wb wc new',
            key: null,
            reply_to: null,
            names: [],
          },
        ],
        { wait: true },
      ),
    'a search in a chat': () => searchChat(db, { chat_id: chat(), user_id: 1 }, 'wjaa', 21, 2 * EACH),
    '20 texts deleted by age': async () => {
      const of = chat()
      await pruneMessages(db, of, await messagesOlderThan(db, of, { days: 1, after: 0, limit: 20 }))
    },
  }
  try {
    for (const [what, ask] of Object.entries(asks)) {
      const times: number[] = []
      for (let n = 0; n < TRIES; n++) {
        const begun = performance.now()
        await ask(db)
        times.push(performance.now() - begun)
      }
      times.sort((a, b) => a - b)
      const at = (part: number) => (times[Math.floor(part * TRIES)] ?? 0).toFixed(2)
      results[what] = { ...results[what], [`${name}: p50`]: at(0.5), [`${name}: p99`]: at(0.99) }
    }
  } finally {
    await db.destroy()
  }
  const begun = performance.now()
  await command(name === 'one table' ? 'vacuum events' : 'vacuum events_0')
  results['a vacuum of what can be vacuumed at once'] = {
    ...results['a vacuum of what can be vacuumed at once'],
    [`${name}: p50`]: `${(1000 * seconds(begun)).toFixed(0)}`,
  }
}

/** Without the limits and the plans of the program's own connections. */
async function command(text: string) {
  await withClient(address, async client => {
    await client.query("set maintenance_work_mem = '1GB'; set synchronous_commit = off")
    // A vacuum must come alone.
    await client.query(text)
  })
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 10) / 100
}
