import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import { joinChat } from '../../src/db/chats.js'
import { connect } from '../../src/db/connection.js'
import { postMessages } from '../../src/db/messages.js'
import { finishMigrations, migrate } from '../../src/db/migrate.js'
import type { Db } from '../../src/db/schema.js'
import { SearchTooLong, searchChat, searchChats, sortWords } from '../../src/db/search.js'
import { createUser } from '../../src/db/users.js'
import { startCluster } from '../../src/postgres/cluster.js'
import { parseQuery } from '../../src/text/search-query.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'

describe('searching', () => {
  let site: Site
  let reader: number
  before(async () => {
    site = await openSite()
    // As an operator's database is before anything has analysed it.
    await site.pool.query('alter table events set (autovacuum_enabled = false)')
    reader = await user('reader')
  })
  after(() => site.close())

  describe('words', () => {
    for (const [text, found, missed] of [
      [
        'Meet me at the café',
        ['CAFE', 'café', 'cafe\u0301', 'ｃａｆｅ', '"the cafe"', 'the -tea', 'tea or cafe'],
        ['caf or nothing', 'ca', '"caf"', '-cafe', '"cafe the"'],
      ],
      [
        'Straße nach Łódź, ΟΔΥΣΣΕΥΣ, ЁЛКА',
        ['STRASSE', 'lodz', 'οδυσσευσ', 'οδυσσεύς', 'елка', 'stras', 'ελκα or οδυσ'],
        ['stra nach', 'str -lodz', '"stras"'],
      ],
      [
        'use TCP/IP, not and/or; see https://example.org/a_page.html?x=y1',
        ['tcp', 'ip', 'tcp/ip', 'or/and or and/or', 'example.org', 'page', 'y1', 'a_page'],
        ['ip/tcp', 'example -org'],
      ],
      ['I don’t “quote” it -- 3.14 times, C++', ["don't", 'quote', '"it 3"', '3.14', 'c'], ['5']],
      [
        '今天我们去东京タワー看 iPhone手机。',
        [
          '东京',
          '東京 or 东京',
          '京',
          '我们去',
          'タワー',
          'iphone',
          'iphone手机',
          'iPhone手',
          '"手机"',
          '今天 手机',
          '看iphone',
          '。手机',
        ],
        ['京东', '我去', '機', 'phone', '-东京', '"手机 iphone"', '天我去'],
      ],
      ['日', ['日', '日 -月'], ['日日', '月']],
      ['학교에서 만나요', ['학교', '학교에서', '만나'], ['교학', '나만']],
      ['ภาษาไทยง่ายนิดเดียว', ['ไทย', 'ภาษาไทย', 'ง่าย'], ['งาย', 'ไทยภาษา']],
      ['हिन्दी में बात', ['हिन्दी', 'में'], ['हनद']],
      ['שָׁלוֹם مُحَمَّد', ['שלום', 'محمد'], []],
      [
        'wave 👋 to all👋',
        ['wave', 'all', '👋', '👋🏽', '"wave 👋 to"', 'all👋', '👋 to'],
        ['w', '"wave to"', '🎉', 'e1f44b', '-👋'],
      ],
      ['👍🏽 🇩🇪 👩‍💻 ❤️ 10️⃣', ['👍', '👍🏿', '🇩🇪', '👩', '💻', '👩‍💻', '❤', '10'], ['🇪🇩', '🇩🇰', '👎', '💻👩']],
      [
        'v2.10.3 of kubernetes-client runs on iPhone15 and utf8, x86_64',
        [
          '2.10.3',
          'v2.10.3',
          'v2',
          '10.3',
          'kube',
          'v2.10.3 kube',
          'kubernetes-cli',
          'iphone',
          'iphone15',
          '15',
          'utf-8',
          'x86',
          'runs on iph',
        ],
        [
          '2.10.30',
          '1.2',
          '2.3',
          '0.3',
          'ku',
          'bernetes',
          'kube runs',
          '"kube"',
          'kubernetes -cli -run -runs',
          'utf 88',
          'kube or nothing',
        ],
      ],
      ['Ελληνικά, русский; naïveté', ['ελλ', 'рус', 'НАЙ or naive', 'naïv'], ['ел', 'русс ελλ']],
    ] as const) {
      it(`are found in ${JSON.stringify(text)}`, async () => {
        const chat = await chatOf(reader, [text])
        for (const [queries, count] of [
          [found, 1],
          [missed, 0],
        ] as const) {
          for (const query of queries) {
            assert.equal((await one(chat, query)).length, count, query)
          }
        }
      })
    }

    it('are what the two sides take for words, whatever the character', async () => {
      const { rows } = await site.pool.query(`
        select n, tsvector_to_array(to_tsvector('simple', search_words('x' || chr(n) || 'y'))) as words
        from generate_series(1, 131071) n
        where n not between 55296 and 57343 and normalize(chr(n), nfc) is not null`)
      const wrong = rows.filter(({ n, words }) => {
        const character = String.fromCodePoint(n)
        // What is neither is not written alone, and an older PostgreSQL does not know characters that are younger.
        const isOld = process.env.POSTGRES === 'system'
        if (!(isOld ? SIGN : SIGN_OR_LETTER).test(character) || (isOld && character.normalize('NFKC') !== character)) {
          return false
        }
        const joined = parseQuery(`x${character}y`)?.wanted.flat().length === 1
        return joined !== words.length <= 1
      })
      assert.deepEqual(
        wrong.map(({ n }) => n.toString(16)),
        [],
      )
    })

    it('can be anything without an error', async () => {
      const chat = await chatOf(reader, ['text'])
      for (const typed of [
        '"',
        '""',
        '-',
        '--x',
        'or',
        'or or',
        'x or',
        '-or',
        '"a" -"b',
        "'",
        "a'b",
        '\\',
        ':*',
        'a:*',
        '!a & (b',
        '<->',
        '日 or',
        '-日',
        '"日 x 本"',
        '%',
        '\u0001',
        '\ud7ff',
        '\u{10ffff}',
        'x'.repeat(200),
        '日'.repeat(200),
        '- -'.repeat(60),
      ]) {
        const query = parseQuery(typed)
        if (query) {
          await searchChat(site.db, { chat_id: chat.id, user_id: reader }, query.websearch, 3, 99)
          await searchChats(site.db, reader, query.websearch, 3)
        }
      }
    })
  })

  describe('a chat', () => {
    it('finds the newest first, below a version', async () => {
      const chat = await chatOf(reader, ['apple 1', 'pear', 'apple 2', 'apple 3'])
      const all = await one(chat, 'apple')
      assert.deepEqual(
        all.map(({ text }) => text),
        ['apple 3', 'apple 2', 'apple 1'],
      )
      const older = await searchChat(site.db, { chat_id: chat.id, user_id: reader }, 'apple', 1, all[0]?.version ?? 0)
      assert.deepEqual(
        older.map(({ text }) => text),
        ['apple 2'],
      )
    })

    it('finds nothing for who is not a member, or no longer, in the same statement', async () => {
      const chat = await chatOf(reader, ['apple'])
      const stranger = await user('stranger')
      assert.equal((await searchChat(site.db, { chat_id: chat.id, user_id: stranger }, 'apple', 9, 99)).length, 0)
      await joinChat(site.db, chat.uri, stranger)
      assert.equal((await searchChat(site.db, { chat_id: chat.id, user_id: stranger }, 'apple', 9, 99)).length, 1)
      await site.pool.query('update members set left_at = now() where user_id = $1', [stranger])
      assert.equal((await searchChat(site.db, { chat_id: chat.id, user_id: stranger }, 'apple', 9, 99)).length, 0)
    })

    it('does not mistake what somebody writes for the name of another chat’s stretch', async () => {
      const chat = await chatOf(reader, ['nothing'])
      const other = await chatOf(await user('writer'), [`${chat.id}/0 apple`, `"${chat.id}/0" apple`])
      assert.equal((await one(chat, 'apple')).length, 0)
      assert.equal((await searchChats(site.db, reader, `apple "${chat.id} 0"`, 9)).length, 0)
      assert.notEqual(other.id, chat.id)
    })
  })

  describe('what was edited or deleted', () => {
    const version = 2

    it('is found as it is, sorted in or not, before and after', async () => {
      for (const sort of [async () => {}, () => sortWords(site.db)]) {
        const chat = await chatOf(reader, ['zebra one'])
        await sort()
        await editMessage(site.db, chat, version, 'giraffe one')
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe', 'zeb', '"giraffe one"', 'one'), [0, 1, 0, 1, 1])
        await sort()
        await deleteMessage(site.db, chat, version)
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe', 'gir', 'one', '-x'), [0, 0, 0, 0, 0])
        await sort()
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe', 'gir', 'one', '-x'), [0, 0, 0, 0, 0])
      }
    })

    for (const [how, change, after] of [
      ['an edit', editMessage, [0, 1]],
      ['a deletion', deleteMessage, [0, 0]],
    ] as const) {
      it(`never comes back where ${how} is under way while the words are sorted in`, async () => {
        const chat = await chatOf(reader, ['zebra'])
        const changing = await site.db.startTransaction().execute()
        await change(changing, chat, version, 'giraffe')
        await sortWords(site.db)
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe'), [1, 0])
        await changing.commit().execute()
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe'), after)
        await sortWords(site.db)
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe'), after)
      })

      it(`stays as it was where ${how} was given up`, async () => {
        const chat = await chatOf(reader, ['zebra'])
        const changing = await site.db.startTransaction().execute()
        await change(changing, chat, version, 'giraffe')
        await sortWords(site.db)
        await changing.rollback().execute()
        assert.deepEqual(await counts(chat, 'zebra', 'giraffe'), [1, 0])
      })
    }

    async function counts(chat: Chat, ...queries: string[]) {
      const found: number[] = []
      for (const query of queries) {
        found.push((await one(chat, query)).length)
        const { websearch } = parseQuery(query) ?? { websearch: '' }
        const inAll = await searchChats(site.db, reader, websearch, 99)
        assert.equal(inAll.filter(({ chat_id }) => chat_id === chat.id).length, found.at(-1), query)
      }
      return found
    }

    async function editMessage(db: Db, chat: Chat, message: number, text: string) {
      const { rows } = await sql<{ outcome: string }>`
        select outcome from edit_message(${chat.id}, ${chat.owner}, ${message}, ${text}, null)`.execute(db)
      assert.equal(rows[0]?.outcome, 'edited')
    }

    async function deleteMessage(db: Db, chat: Chat, message: number) {
      const { rows } = await sql<{ outcome: string }>`
        select outcome from delete_message(${chat.id}, ${chat.owner}, ${message})`.execute(db)
      assert.equal(rows[0]?.outcome, 'deleted')
    }
  })

  it('finds after a crash what was posted, edited and deleted before it and not sorted in @long', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chatire-test-'))
    let cluster = await startCluster(folder, () => {})
    try {
      await migrate(cluster.connection, () => {})
      await finishMigrations(cluster.connection, () => {}, new AbortController().signal)
      const before = connect(cluster.connection, () => {}, 1)
      await before.pool.query('alter table events set (autovacuum_enabled = false)')
      await before.pool.query(`
        insert into users (username, folded_username, name, folded_name, password_hash) values ('ann', 'ann', 'ann', 'ann', 'none');
        insert into chats (owner_id) values (1);
        insert into links (uri, chat_id) values ('uri-of-a-chat-0123456789', 1);
        insert into members (chat_id, user_id, name, folded_name) values (1, 1, 'ann', 'ann')`)
      await before.pool.query(`
        select from post_messages(array[1, 1, 1], array[1, 1, 1], array['zebra 1', 'zebra 2', 'zebra 3'], array[null, null, null],
          array[null, null, null]::bigint[], array[null, null, null], true);
        select from edit_message(1, 1, 2, 'giraffe 2', null);
        select from delete_message(1, 1, 3)`)
      const { rows } = await before.pool.query(
        "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid",
      )
      before.pool.on('error', () => {})
      process.kill(rows[0].pid, 'SIGKILL')
      await cluster.died
      await cluster.stop()
      await before.db.destroy()
      cluster = await startCluster(folder, () => {})
      const { db } = connect(cluster.connection, () => {}, 1)
      const texts = async (websearch: string) => (await searchChats(db, 1, websearch, 9)).map(({ text }) => text)
      assert.deepEqual(await texts('"zeb"*'), ['zebra 1'])
      assert.deepEqual(await texts('"giraffe"'), ['giraffe 2'])
      await db.destroy()
    } finally {
      await cluster.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })

  describe('many messages', () => {
    const COUNT = 100_000
    let large: Chat
    let member: number
    before(async () => {
      member = await user('member')
      for (let n = 0; n < 3; n++) {
        await chatOf(member, ['common small'])
      }
      large = await chatOf(member, [])
      await site.pool.query(`update events set created_at = now() - interval '1 year' where chat_id = $1`, [large.id])
      await grow(
        large,
        COUNT,
        `'common ' || case when n % 20000 = 7 then 'rare ' when n % 300 = 0 then 'seldom ' else '' end
        || case when n < 30000 then 'early ' else '' end || n`,
      )
    })

    it('are found each once, page by page, common or rare, in one chat and in all', async () => {
      for (const [query, count] of [
        ['rare', 5],
        ['seldom', 333],
        ['seldom early', 99],
        [String(COUNT / 2), 1],
        ['nowhere', 0],
      ] as const) {
        const found = await pages(query)
        assert.equal(new Set(found.map(({ version }) => version)).size, found.length, query)
        assert.equal(found.length, count, query)
        assert.deepEqual(
          found,
          [...found].sort((a, b) => b.version - a.version),
        )
        const inAll = await pagesOfAll(query)
        assert.deepEqual(
          inAll.map(({ version }) => version),
          found.map(({ version }) => version),
        )
      }
      assert.equal((await pagesOfAll('small')).length, 3)
    })

    for (const query of ['rare', 'common', 'early', 'nowhere', '"common rare"', 'seldom -early']) {
      it(`are looked through by the index alone, for ${query}, and never much of a chat at once @long`, async () => {
        const { websearch } = parseQuery(query) ?? { websearch: '' }
        for (const search of [
          () => searchChat(site.db, { chat_id: large.id, user_id: member }, websearch, 21, COUNT + 9),
          () => searchChats(site.db, member, websearch, 21),
        ]) {
          const statements = await statementsOf(search)
          assert.equal(statements.length, 1)
          const plans = await plansOf(statements[0]?.text ?? '', statements[0]?.values ?? [])
          assert.match(plans, /Bitmap Index Scan on events_words/)
          for (const plan of plans.split('\f')) {
            assert.doesNotMatch(
              plan,
              /Seq Scan|Hash Join|Merge Join|Scan using events_messages|Bitmap Index Scan on (?!events_words)/,
            )
            for (const [step, rows, loops] of plan.matchAll(/.*actual .*?rows=([\d.]+) loops=(\d+)/g)) {
              assert.ok(Number(rows) * Number(loops) <= 2048, `${step}\n${plan}`)
            }
          }
        }
      })
    }

    it('that take too long to look through are given up @long', async () => {
      const slow = `create function search_in_part(by_words boolean, chat bigint, below bigint, before search_hit, query text, phrases text[], most integer)
        returns setof search_hit language plpgsql as $$ begin perform pg_sleep(3.1); end $$`
      const client = await site.pool.connect()
      const { rows } = await client.query(`select pg_get_functiondef('search_in_part'::regproc) as made`)
      try {
        await client.query(`drop function search_in_part`)
        await client.query(slow)
        await assert.rejects(searchChats(site.db, member, 'x', 3), SearchTooLong)
        await assert.rejects(searchChat(site.db, { chat_id: large.id, user_id: member }, 'x', 3, 99), SearchTooLong)
      } finally {
        await client.query(`drop function search_in_part`)
        await client.query(rows[0].made)
        client.release()
      }
    })

    async function pages(query: string) {
      const { websearch } = parseQuery(query) ?? { websearch: '' }
      const found = []
      for (let below = COUNT + 9; ; ) {
        const page = await searchChat(site.db, { chat_id: large.id, user_id: member }, websearch, 20, below)
        found.push(...page)
        if (page.length < 20) return found
        below = page.at(-1)?.version ?? 0
      }
    }

    async function pagesOfAll(query: string) {
      const { websearch } = parseQuery(query) ?? { websearch: '' }
      const found = []
      for (let before: Parameters<typeof searchChats>[4]; ; ) {
        const page = await searchChats(site.db, member, websearch, 20, before)
        found.push(...page)
        const last = page.at(-1)
        if (page.length < 20 || !last) return found
        before = { created_at: last.created_micros, chat_id: last.chat_id, version: last.version }
      }
    }

    /** With the plans inside of functions. */
    async function plansOf(text: string, values: unknown[]) {
      const client = await site.pool.connect()
      const plans: string[] = []
      client.on('notice', notice => plans.push(notice.message ?? ''))
      await client.query(`
        load 'auto_explain';
        set auto_explain.log_min_duration = 0;
        set auto_explain.log_nested_statements = on;
        set auto_explain.log_analyze = on;
        set client_min_messages = log`)
      await client.query(text, values)
      client.release(true)
      return plans.join('\f')
    }
  })

  interface Chat {
    id: number
    uri: string
    owner: number
  }

  async function one(chat: Chat, typed: string) {
    const query = parseQuery(typed)
    assert.ok(query, typed)
    return searchChat(site.db, { chat_id: chat.id, user_id: chat.owner }, query.websearch, 9, 99)
  }

  async function user(name: string): Promise<number> {
    const made = await createUser(site.db, { username: name, email: '', password_hash: 'none' })
    return made?.id ?? 0
  }

  async function chatOf(owner: number, texts: string[]): Promise<Chat> {
    const { rows } = await site.pool.query(
      `with chat as (insert into chats (owner_id) values ($1) returning id)
       insert into links (uri, chat_id) select 'uri-of-a-chat-0123456789-' || id, id from chat returning uri, chat_id`,
      [owner],
    )
    const chat = { id: rows[0].chat_id, uri: rows[0].uri, owner }
    await joinChat(site.db, chat.uri, owner)
    for (const text of texts) {
      await postMessages(site.db, [{ uri: chat.uri, author_id: owner, text, key: null, reply_to: null, names: [] }], {
        wait: true,
      })
    }
    return chat
  }

  /** `text` is SQL of n. */
  async function grow({ id, owner }: Chat, count: number, text: string) {
    for (let from = 1; from <= count; from += 10_000) {
      await site.pool.query(
        `with grown as (
           insert into events (chat_id, version, kind, author_id, text, created_at)
           select $1::bigint, 1 + n, 'message', $2::bigint, ${text}, now() - ($3 - n) * interval '1 second'
           from generate_series($4::int, least($3::int, $4 + 9999)) n
         )
         update chats set version = least($3, $4 + 9999) + 1, last_message = least($3, $4 + 9999) + 1 where id = $1`,
        [id, owner, count, from],
      )
    }
  }
})

const SIGN = /[\p{P}\p{S}\p{Z}]/u
const SIGN_OR_LETTER =
  /[\p{P}\p{S}\p{Z}\p{Nd}]|[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Arabic}\p{Script=Devanagari}]/u
