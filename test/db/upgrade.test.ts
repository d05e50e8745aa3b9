import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type Address, connect } from '../../src/db/connection.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { finishMigrations, migrate } from '../../src/db/migrate.js'
import { postQueue } from '../../src/db/post-queue.js'
import { Lookalike } from '../../src/db/usernames.js'
import { createUser } from '../../src/db/users.js'
import { createDatabase, createEmptyDatabase, dropDatabase } from '../support/databases.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

const SOURCES = fileURLToPath(new URL('../../../', import.meta.url))
const DUMPS = ['b5c5ef1', 'ed03e3a'] as const

/** The number of Kysely's Migrator, by which the programs of before took turns. */
const LOCK = '3853314791062309107'

type Database = Awaited<ReturnType<typeof createEmptyDatabase>>

describe('upgrading a database', () => {
  const opened: { end(): Promise<void> }[] = []
  const databases: string[] = []

  afterEach(async () => {
    await Promise.all(opened.splice(0).map(client => client.end()))
    await Promise.all(databases.splice(0).map(dropDatabase))
  })

  for (const dump of DUMPS) {
    it(`of ${dump} makes what a new one has`, async () => {
      const address = await restored(dump)
      await upgrade(address)
      const fresh = await createDatabase()
      databases.push(fresh.database)
      assert.deepEqual(await schemaOf(address), await schemaOf(fresh))
    })

    it(`of ${dump} keeps all that is in it, and works`, async () => {
      const address = await restored(dump)
      await upgrade(address)
      const site = await openSite({}, { address })
      try {
        const ann = await signedIn(site)
        const uri = `chat-1-of-${dump}`.padEnd(22, '-')
        const page = await ann.get(`/chats/${uri}`)
        for (const text of ['Hello, café', '今天我们去东京タワー看', '👋🏽 wave']) {
          assert.ok(page.text.includes(text), text)
        }
        const found = await ann.get(`/chats/${uri}/search?q=lodz`)
        assert.match(found.text, /nach/)
        assert.equal((await ann.post(`/chats/${uri}/messages`, { message: 'Hello, café', key: 'key-0' })).status, 303)
        assert.equal((await ann.post(`/chats/${uri}/messages`, { message: 'another', key: 'key-0' })).status, 422)
        assert.equal((await ann.post(`/chats/${uri}/messages`, { message: 'and on' })).status, 303)
        assert.match((await ann.get(`/chats/${uri}`)).text, /and on/)
        const prog = await signUpProgram(site, 'prog')
        await prog.join(uri)
        assert.equal((await prog.post(uri, 'hello')).status, 201)
      } finally {
        await site.close()
      }
    })
  }

  it('leaves no hash of a text that was edited or deleted, whose key stands for any text', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    const hashes = async () =>
      (await client.query("select key from events where key like '%ed-key' and text_hash is not null")).rows.length
    assert.equal(await hashes(), 2)
    await upgrade(address)
    assert.equal(await hashes(), 0)
    const { rows } = await client.query(
      "select count(*)::int as kept from events where text_hash is not null and key like 'key-%'",
    )
    assert.equal(rows[0].kept, 3)
    const outcome = await client.query(
      `select p.outcome from post_messages(array(select chat_id from links where uri like 'chat-1%'),
         array(select id from users where username = 'ann'), array['PIN 9999'], array['edited-key'], array[null]::bigint[],
         array[null], true) p`,
    )
    assert.equal(outcome.rows[0].outcome, 'again')
  })

  it('leaves a hash of the names of deleted accounts, which nobody gets', async () => {
    const address = await restored('ed03e3a')
    await upgrade(address)
    const client = await open(address)
    const { rows } = await client.query('select folded_username as name from users where deleted_at is not null')
    assert.match(rows[0].name, /^sha256:[0-9a-f]{64}$/)
    const { db } = connect(address, () => {}, 1)
    opened.push({ end: () => db.destroy() })
    assert.equal(await createUser(db, { username: 'Gone', email: '', password_hash: 'x' }), undefined)
    assert.ok(await createUser(db, { username: 'Gone2', email: '', password_hash: 'x' }))
  })

  it('gives a chat whose owner was deleted to a guest who is there, within the hour', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    const { rows } = await client.query(`
      with gone as (
        insert into users (username, folded_username, name, folded_name, deleted_at)
          values ('deleted user', 'sha256:of nobody', 'deleted user', 'deleted user', now()) returning id
      ),
      gus as (
        insert into users (kind, username, name, folded_name) values ('guest', 'Gus', 'Gus', 'gus') returning id
      ),
      session as (insert into sessions (id_hash, user_id) select sha256('gus'), id from gus),
      chat as (insert into chats (owner_id, member_count) select id, 1 from gone returning id)
      insert into members (chat_id, user_id, name, folded_name, guest, left_at)
      select chat.id, gus.id, 'Gus', 'gus', true, null from chat, gus
      union all
      select chat.id, gone.id, 'deleted user', 'deleted user', false, now() from chat, gone
      returning chat_id, user_id, guest`)
    await upgrade(address)
    const { db } = connect(address, () => {}, 1)
    opened.push({ end: () => db.destroy() })
    await deleteExpired(db)
    const found = await client.query('select owner_id from chats where id = $1', [rows[0].chat_id])
    assert.equal(found.rows[0].owner_id, rows.find(({ guest }) => guest).user_id)
  })

  it('goes on where a fill was ended, and goes over everything', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    await client.query(`
      insert into events (chat_id, version, kind, author_id, text, key, text_hash, edited_at)
        select 2, 1000 + n, 'message', 1, 'x', 'k' || n, sha256('x'), now() from generate_series(1, 12000) n`)
    await migrate(address, () => {})
    const stopping = new AbortController()
    // From the first batch on nothing can be stored: the fill is in the middle then, and waits.
    await client.query(`
      create function hold() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock(7); return new; end $$;
      create trigger hold after insert or update on migration_state for each row when (new.name like '013%') execute function hold()`)
    await client.query('select pg_advisory_lock_shared(8)')
    const left = async () =>
      (
        await client.query(
          'select count(*)::int as n from events where text_hash is not null and edited_at is not null',
        )
      ).rows[0].n
    const before = await left()
    const finishing = finishMigrations(address, () => {}, stopping.signal)
    await until(async () => (await left()) < before)
    await client.query('select pg_advisory_lock(7)')
    stopping.abort()
    await finishing
    await client.query('select pg_advisory_unlock(7)')
    await finishMigrations(address, () => {}, new AbortController().signal)
    assert.equal(await left(), 0)
    assert.deepEqual((await client.query("select * from migration_state where name <> 'functions'")).rows, [])
  })

  it('stores what the names of before look like, also where it was stopped, and leaves them as they are', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    await client.query(`
      with more as (
        insert into users (username, folded_username, name, folded_name, password_hash)
          select 'Io' || n, 'io' || n, 'Io' || n, 'io' || n, 'x' from generate_series(1, 5000) n returning *
      )
      insert into members (chat_id, user_id, name, folded_name)
        select 1, id, name || ' (2)', folded_name || ' (2)' from more`)
    await migrate(address, () => {})
    const missing = async (table: string): Promise<number> =>
      (await client.query(`select count(*)::int from ${table} where skeleton is null`)).rows[0].count
    for (const table of ['users', 'members']) {
      await client.query(`
        create or replace function stop() returns trigger language plpgsql as $$
          begin if new.skeleton like 'lo4ool%' then raise 'stopped'; end if; return new; end $$;
        create trigger stop before update on ${table} for each row execute function stop()`)
      const stopping = new AbortController()
      const before = await missing(table)
      const stopAtFault = (said: string) => /stopped/.test(said) && stopping.abort()
      await finishMigrations(address, stopAtFault, stopping.signal)
      const after = await missing(table)
      assert.ok(after > 0 && after < before, `${after} of ${before}`)
      await client.query(`drop trigger stop on ${table}`)
    }
    await finishMigrations(address, () => {}, new AbortController().signal)
    assert.deepEqual([await missing('users'), await missing('members')], [0, 0])
    const { rows } = await client.query(
      `select u.username, u.skeleton, u.username_skeleton, m.name as shown, m.skeleton as seen
       from users u join members m on m.user_id = u.id where u.username = 'Io4001'`,
    )
    assert.deepEqual(rows, [
      { username: 'Io4001', skeleton: 'lo4ool', username_skeleton: 'lo4ool', shown: 'Io4001 (2)', seen: 'lo4ool (2)' },
    ])
    const { db } = connect(address, () => {}, 1)
    opened.push({ end: () => db.destroy() })
    await assert.rejects(createUser(db, { username: 'lo4001', email: '', password_hash: 'x' }), Lookalike)
  })

  it('lets the program of before post all along @long', async function () {
    this.timeout(300_000)
    const address = await restored('ed03e3a')
    await grow(address, 20_000)
    const { db } = connect(address, () => {}, 4)
    opened.push({ end: () => db.destroy() })
    const posts = postQueue(db, { waiting: 1000, perCall: 256 })
    let over = false
    const outcomes = new Map<string, number>()
    const posting = (async () => {
      for (let n = 0; !over || n < 10; n++) {
        const post = {
          uri: 'chat-2-of-ed03e3a-----',
          author_id: 2,
          text: `post ${n}`,
          key: `post ${n}`,
          reply_to: null,
          names: [],
        }
        const outcome = await posts.post(post).then(
          done => done.outcome,
          error => `${error.code} ${error.message}`,
        )
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        await turn()
      }
    })()
    await upgrade(address)
    over = true
    await posting
    assert.deepEqual([...outcomes.keys()], ['posted'])
    const client = await open(address)
    const { rows } = await client.query("select count(*)::int as n from events where text like 'post %'")
    assert.equal(rows[0].n, outcomes.get('posted'))
  })

  it('by several programs at once is done once, by whichever comes first', async () => {
    const address = await restored('b5c5ef1')
    await Promise.all([upgrade(address), upgrade(address), upgrade(address)])
    const client = await open(address)
    const { rows } = await client.query('select name from kysely_migration order by name')
    assert.deepEqual(
      rows.map(({ name }) => name),
      migrationNames(),
    )
  })

  it('waits for a dump that is under way, and says so @long', async () => {
    const address = await restored('ed03e3a')
    const dump = await open(address, 'pg_dump')
    await dump.query('begin isolation level repeatable read read only')
    await dump.query('lock table events, users, chats in access share mode')
    const said: string[] = []
    const upgrading = migrate(address, sentence => said.push(sentence))
    await until(() => said.some(sentence => /^012_texts_forgotten is under way.*pg_dump \(pid \d+\)/.test(sentence)))
    await dump.query('commit')
    await upgrading
  })

  it('that was killed while an index was built, goes on; searching meanwhile is refused with a sentence @long', async function () {
    this.timeout(300_000)
    const address = await restored('b5c5ef1')
    await migrate(address, () => {})
    const reader = await open(address, 'reader')
    await reader.query('begin isolation level repeatable read read only')
    await reader.query('select 1 from users')
    const program = spawn(process.execPath, [
      fileURLToPath(new URL('./upgrade-program.js', import.meta.url)),
      JSON.stringify(address),
    ])
    const client = await open(address)
    await until(async () => (await isValid(client, 'events_search')) === false)
    const site = await openSite({}, { address })
    try {
      const ann = await signedIn(site)
      const answer = await ann.get('/search?q=wave')
      assert.equal(answer.status, 503)
      assert.match(answer.text, /Search is being prepared after an upgrade/)
      program.kill('SIGKILL')
      await once(program, 'exit')
      // The server notices by itself that nobody waits for the index any more.
      await until(async () => (await upgraders(client)) === 0)
      await reader.query('commit')
      assert.equal(await isValid(client, 'events_search'), false)
      await finishMigrations(address, () => {}, new AbortController().signal)
      assert.equal(await isValid(client, 'events_words'), true)
      assert.equal((await ann.get('/search?q=wave')).status, 200)
    } finally {
      await site.close()
    }
  })

  it('finds by the index of before while the new one is built, and for the program of before by the new one', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    const uri = 'chat-2-of-ed03e3a-----'
    const foundByTheProgramOfBefore = async (websearch: string) =>
      (
        await client.query(
          `select version from search_chat((select chat_id from links where uri = $1), 1000000, search_query($2), 9)`,
          [uri, websearch],
        )
      ).rows.length
    await migrate(address, () => {})
    const writer = await open(address, 'writer')
    await writer.query('begin')
    await writer.query('lock table events in row exclusive mode')
    const site = await openSite({}, { address })
    try {
      const finishing = finishMigrations(address, () => {}, new AbortController().signal)
      await until(async () => (await isValid(client, 'events_words')) === false)
      const ann = await signedIn(site)
      const hits = async (typed: string) => {
        const { status, text } = await ann.get(`/chats/${uri}/search?q=${encodeURIComponent(typed)}`)
        assert.equal(status, 200)
        return Number(/>(\d+) messages?</.exec(text)?.[1] ?? 0)
      }
      await ann.get(`/chats/${uri}`)
      await ann.post(`/chats/${uri}/messages`, { message: 'v2.10.3 of kubernetes 🎉' })
      assert.equal(await hits('v2.10.3'), 1)
      assert.equal(await hits('kubernetes -v3'), 1)
      assert.equal(await hits('kube'), 0)
      assert.equal(await foundByTheProgramOfBefore('"kubernetes"'), 1)
      await writer.query('commit')
      await finishing
      assert.equal(await isValid(client, 'events_words'), true)
      assert.equal(await isValid(client, 'events_search'), undefined)
      for (const typed of ['v2.10.3', '2.10.3', 'kube', '🎉', '"of kubernetes"']) {
        assert.equal(await hits(typed), 1, typed)
      }
      assert.equal(await foundByTheProgramOfBefore('"kubernetes"'), 1)
      assert.equal(await foundByTheProgramOfBefore('"v2 10 3"'), 1)
    } finally {
      await site.close()
    }
  })

  it('builds an index while a program of before waits for its turn, holding a snapshot @long', async () => {
    const address = await restored('b5c5ef1')
    await migrate(address, () => {})
    const writer = await open(address, 'writer')
    await writer.query('begin')
    await writer.query('lock table events in row exclusive mode')
    const finishing = finishMigrations(address, () => {}, new AbortController().signal)
    const client = await open(address)
    const isIn = (phase: string) => async () => {
      const { rows } = await client.query(
        'select 1 from pg_stat_progress_create_index where datname = current_database() and phase = $1',
        [phase],
      )
      return rows.length > 0
    }
    const oid = async () => (await client.query("select to_regclass('events_search')::oid as oid")).rows[0].oid
    await until(isIn('waiting for writers before build'))
    const built = await oid()
    const before = await open(address, 'before')
    const { rows } = await before.query('select pg_backend_pid() as pid')
    const waiting = before.query(`select pg_advisory_lock(${LOCK})`).then(
      () => 'had its turn',
      error => error.code,
    )
    await until(async () => {
      const { rows } = await client.query(
        `select 1 from pg_locks join pg_stat_activity using (pid)
         where datname = current_database() and locktype = 'advisory' and not granted`,
      )
      return rows.length > 0
    })
    await writer.query('commit')
    await until(isIn('waiting for old snapshots'))
    // Of two that wait for each other the server would have ended one by now, as a deadlock.
    await until(async () => {
      const { rows } = await client.query(
        `select 1 from pg_locks join pg_stat_activity using (pid)
         where datname = current_database() and locktype = 'virtualxid' and not granted
           and clock_timestamp() - waitstart > 2 * current_setting('deadlock_timeout')::interval`,
      )
      return rows.length > 0
    })
    await client.query('select pg_cancel_backend($1)', [rows[0].pid])
    assert.equal(await waiting, '57014')
    await until(async () => (await isValid(client, 'events_search')) !== false)
    assert.ok([built, null].includes(await oid()))
    await finishing
  })

  it('is not held up by limits that the operator set for the database', async () => {
    const address = await restored('b5c5ef1')
    await grow(address, 20_000)
    const client = await open(address)
    await client.query(`alter database ${address.database} set statement_timeout = '40ms'`)
    await client.query(`alter database ${address.database} set lock_timeout = '1ms'`)
    await upgrade(address)
    const { rows } = await client.query('select count(*)::int as n from kysely_migration')
    assert.equal(rows[0].n, migrationNames().length)
  })

  it('refuses one that a newer program used, and leaves it as it is', async () => {
    const address = await restored('ed03e3a')
    await upgrade(address)
    const client = await open(address)
    await client.query("insert into kysely_migration values ('999_what_is_to_come', 'now')")
    await client.query("update migration_state set value = '\"999_what_is_to_come\"' where name = 'functions'")
    await client.query(
      'create or replace function standing(chat bigint, who bigint) returns text language sql as $$ select $1::text $$',
    )
    await assert.rejects(
      migrate(address, () => {}),
      {
        message:
          'This database was used by a newer Chatire (999_what_is_to_come): start that one, or restore a backup from before.',
      },
    )
    const { rows } = await client.query("select prosrc from pg_proc where proname = 'standing'")
    assert.equal(rows[0].prosrc, ' select $1::text ')
  })

  it('refuses a migration whose number is lower than one that ran', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    await client.query("delete from kysely_migration where name = '007_owners'")
    await assert.rejects(
      migrate(address, () => {}),
      /007_owners comes after 010_search, which ran already/,
    )
  })

  it('writes the functions anew that were slow in sql, which say the same of every text as before', async () => {
    const address = await restored('ed03e3a')
    const client = await open(address)
    const texts = [
      '',
      'Hello, café',
      'v2.10.3',
      'İstanbul ŞİŞLİ ς',
      'straße Æther œuvre',
      '今天我们去東京タワー看',
      '👋🏽 wave 🇩🇪',
      'शुक्रिया',
      'مُحَمَّد',
      'ﬁ ①',
    ]
    const said = async (name: string) =>
      (
        await client.query(`select ${name}(text) from unnest($1::text[]) with ordinality as t (text, n) order by n`, [
          texts,
        ])
      ).rows.map(row => row[name])
    const folded = await said('search_fold')
    await upgrade(address)
    const { rows } = await client.query(
      "select proname from pg_proc join pg_language l on l.oid = prolang where proname in ('search_fold', 'search_split') and lanname = 'plpgsql'",
    )
    assert.equal(rows.length, 2)
    assert.deepEqual(await said('search_fold'), folded)
    const split = await said('search_split')
    const now = await readFile(`${SOURCES}src/db/functions/search_split.sql`, 'utf8')
    await client.query(
      now.replace('language plpgsql', 'language sql').replace('as $$ begin ', '').replace('; end $$', ''),
    )
    assert.deepEqual(await said('search_split'), split)
  })

  async function restored(dump: (typeof DUMPS)[number]): Promise<Database> {
    const address = await createEmptyDatabase()
    databases.push(address.database)
    const client = await open(address)
    await client.query(await readFile(`${SOURCES}test/db/dumps/${dump}.sql`, 'utf8'))
    return address
  }

  async function open(address: Address, application_name = 'test'): Promise<pg.Client> {
    const client = new pg.Client({ ...address, application_name })
    client.on('error', () => {})
    await client.connect()
    opened.push(client)
    return client
  }

  /** Undefined if there is no such index. */
  async function isValid(client: pg.Client, index: string): Promise<boolean | undefined> {
    const { rows } = await client.query('select indisvalid from pg_index where indexrelid = to_regclass($1)', [index])
    return rows[0]?.indisvalid
  }

  /** How many connections of upgrades there are. */
  async function upgraders(client: pg.Client): Promise<number> {
    const { rows } = await client.query(
      "select 1 from pg_stat_activity where application_name = 'chatire upgrade' and datname = current_database()",
    )
    return rows.length
  }

  async function grow(address: Address, count: number) {
    const client = await open(address)
    await client.query(`
      insert into events (chat_id, version, kind, author_id, text)
        select 2, (select version from chats where id = 2) + n, 'message', 2, md5(n::text) from generate_series(1, ${count}) n`)
    await client.query(`update chats set version = version + ${count}, last_message = version + ${count} where id = 2`)
    await client.query(`
      do $$ begin update chats set last_shown = version where id = 2; exception when undefined_column then null; end $$`)
  }
})

describe('migrations', () => {
  /** Released ones, which never change their names: databases have them on record. */
  const RELEASED = [
    '001_accounts',
    '002_chats',
    '003_posting',
    '004_people',
    '005_changes',
    '006_accounts',
    '007_owners',
    '010_search',
  ]

  it('come one after another, new ones last', () => {
    const names = migrationNames()
    assert.deepEqual(names.slice(0, RELEASED.length), RELEASED)
    const numbers = names.map(name => Number(/^(\d{3})_[a-z_]+$/.exec(name)?.[1]))
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
  })

  it('come with every change of a function: a program lays them only where its newest migration is newer', async () => {
    const hash = await hashOf(await readdir(`${SOURCES}src/db/functions`))
    assert.deepEqual(
      [migrationNames().at(-1), hash],
      ['036_search_anew', '2c29284a48a7e538'],
      'Where a function changed, a new migration has to come too, even an empty one; then write its name and this hash here.',
    )
  })

  it('are not needed for the functions beneath an index, as these never change', async () => {
    assert.equal(
      await hashOf(
        ['fold', 'place', 'placed_words', 'split', 'stretch', 'text', 'vector', 'words'].map(
          name => `search_${name}.sql`,
        ),
      ),
      '73454b187c15c413',
      'An index stands on them: write a function of another name, and build another index.',
    )
  })

  /** Of the functions as the database has them: without the comments above each. */
  async function hashOf(files: string[]): Promise<string> {
    const hash = createHash('sha256')
    for (const file of files.sort()) {
      const text = await readFile(`${SOURCES}src/db/functions/${file}`, 'utf8')
      hash.update(`${file}\n`).update(text.replace(/^(?:--.*\n)+/, ''))
    }
    return hash.digest('hex').slice(0, 16)
  }
})

async function signedIn(site: Site): Promise<Visitor> {
  const ann = new Visitor(site)
  await ann.get('/login')
  assert.equal((await ann.post('/login', { username: 'ann', password: 'correct horse battery' })).status, 303)
  await ann.get('/')
  return ann
}

async function upgrade(address: Address) {
  await migrate(address, () => {})
  await finishMigrations(address, () => {}, new AbortController().signal)
}

function migrationNames(): string[] {
  return readdirSync(`${SOURCES}src/db/migrations`)
    .map(file => file.replace(/\.ts$/, ''))
    .sort()
}

/** Columns, constraints, indexes and functions, as text. */
async function schemaOf(address: Address): Promise<unknown[]> {
  const client = new pg.Client(address)
  await client.connect()
  const { rows } = await client.query(`
    select table_name || '.' || column_name as what, data_type || is_nullable || coalesce(column_default, '') as how
      from information_schema.columns where table_schema = 'public' and table_name <> 'kysely_migration_lock'
    union all
    select conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) from pg_constraint
      where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid <> coalesce(to_regclass('kysely_migration_lock'), 0)
    union all
    select indexname, indexdef from pg_indexes where schemaname = 'public' and tablename <> 'kysely_migration_lock'
    union all
    select oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
    order by 1, 2`)
  await client.end()
  return rows
}
