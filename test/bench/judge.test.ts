import assert from 'node:assert/strict'
import { isOfProxy } from '../../bench/judge/exchange.js'
import { KINDS, type Kind, type Verdict } from '../../bench/judge/findings.js'
import { LATE } from '../../bench/judge/sight.js'
import { openTrial, type Trial } from '../../bench/judge/trial.js'
import { PATIENCE } from '../support/patience.js'
import { openSite, type Site } from '../support/site.js'
import { type Mutant, type Mutation, openMutant } from './mutant.js'

const POSTING = /^POST \/api\/chats\/[\w-]+\/messages\/$/
const EVENTS = /^GET \/api\/chats\/[\w-]+\/live\//

describe('the judge', () => {
  let site: Site
  let mutant: Mutant
  let trial: Trial
  before(async () => {
    site = await openSite()
    mutant = await openMutant(site)
    trial = await openTrial({ url: mutant.url, address: site.address, chats: 2, senders: 4, wanderers: 1 })
  })
  afterEach(() => {
    mutant.mutation = {}
  })
  after(async () => {
    await trial.close()
    mutant.close()
    await site.close()
  })

  /** Posts that many messages while the proxy spoils what passes, and then whatever happens to the database. */
  async function judge(posts: number, mutation: Mutation, then?: () => Promise<void>): Promise<Verdict> {
    mutant.mutation = mutation
    await trial.send(400, sent => sent < posts)
    await trial.rest()
    await then?.()
    // Nobody tells readers what was done to a row.
    const verdict = await trial.judge(then ? 5000 : PATIENCE)
    assert.ok(verdict.posts >= posts)
    return verdict
  }

  function assertFound({ counts, sentences }: Verdict, expected: Partial<Record<Kind, number>>) {
    const none = Object.fromEntries(KINDS.map(kind => [kind, 0]))
    assert.deepEqual(counts, { ...none, ...expected }, sentences.join('\n'))
  }

  it('finds nothing where nothing was done', async () => {
    assertFound(await judge(60, {}), {})
  })

  describe('finds exactly what a proxy does that', () => {
    it('drops one event in 1,000 @long', async () => {
      let [passed, dropped] = [0, 0]
      const block = (text: string) => {
        if (++passed % 1000 > 0) {
          return [text]
        }
        dropped++
        return []
      }
      const verdict = await judge(300, { block })
      assert.ok(dropped > 0)
      assertFound(verdict, { lost: dropped })
    })

    it('repeats events @long', async () => {
      let [passed, repeated] = [0, 0]
      const block = (text: string) => {
        if (++passed % 50 > 0) {
          return [text]
        }
        repeated++
        return [text, text]
      }
      const verdict = await judge(60, { block })
      assert.ok(repeated > 0)
      assertFound(verdict, { twice: repeated })
    })

    it('swaps two events @long', async () => {
      let held: { text: string; asked: string } | undefined
      let swapped = 0
      const block = (text: string, asked: string) => {
        if (swapped === 0 && !held && EVENTS.test(asked)) {
          held = { text, asked }
          return []
        }
        if (held?.asked === asked) {
          const both = [text, held.text]
          held = undefined
          swapped++
          return both
        }
        return [text]
      }
      assertFound(await judge(60, { block }), { 'out of order': 1 })
    })

    it('answers with an error page and 200 @long', async () => {
      let answered = 0
      const verdict = await judge(60, {
        answer(response, _body, asked) {
          const isMine = POSTING.test(asked) && ++answered === 20
          if (isMine) {
            response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>Bad gateway</h1>')
          }
          return isMine
        },
      })
      assertFound(verdict, { wrong: 1 })
      assert.equal(verdict.settled, 1)
    })

    for (const whole of [true, false]) {
      it(`cuts a body ${whole ? 'and says that it is whole' : 'by cutting the connection @long'}`, async () => {
        let answered = 0
        const verdict = await judge(60, {
          answer(response, body, asked) {
            const isMine = POSTING.test(asked) && ++answered === 20
            if (isMine) {
              const half = body.slice(0, body.length / 2)
              const length = String((whole ? half : body).length)
              const type = 'application/json; charset=utf-8'
              response.writeHead(201, { 'content-type': type, 'content-length': length })
              response.write(half, () => (whole ? response.end() : response.destroy()))
            }
            return isMine
          },
        })
        assertFound(verdict, { wrong: 1 })
        assert.equal(verdict.settled, 1)
      })
    }

    it('delays one reader @long', async () => {
      const slow = `GET /api/chats/${trial.cast.chats[0]?.uri}/live/`
      const verdict = await judge(60, { delay: asked => (asked === slow ? LATE + 1000 : 0) })
      assert.ok(verdict.counts.late > 0)
      assertFound(verdict, { late: verdict.counts.late })
      assert.ok(verdict.sentences.every(sentence => sentence.startsWith('late: A stream of events of chat 0 got')))
    })
  })

  describe('finds in a database', () => {
    /** A message that nobody has changed since it was posted. */
    async function untouched(): Promise<number> {
      const { rows } = await site.pool.query(
        `select max(version)::int as version from events
         where chat_id = $1 and kind = 'message' and edited_at is null and deleted_at is null and reactions is null`,
        [trial.cast.chats[0]?.id],
      )
      return rows[0].version
    }

    async function tamper(sql: string, version: number) {
      const { rowCount } = await site.pool.query(sql, [trial.cast.chats[0]?.id, version])
      assert.equal(rowCount, 1)
    }

    it('a row that was changed @long', async () => {
      let version = 0
      const verdict = await judge(60, {}, async () => {
        version = await untouched()
        await tamper("update events set text = text || '!' where chat_id = $1 and version = $2", version)
      })
      assert.equal(verdict.counts.wrong, 1)
      assert.ok(
        verdict.sentences.some(sentence => sentence.startsWith(`wrong: Message ${version} of chat 0 has another`)),
      )
      assert.ok(verdict.sentences.every(sentence => new RegExp(`essage ${version}\\b`).test(sentence)))
    })

    it('a row that was deleted @long', async () => {
      let version = 0
      const verdict = await judge(60, {}, async () => {
        version = await untouched()
        await tamper('delete from events where chat_id = $1 and version = $2', version)
      })
      assert.ok(
        verdict.sentences.some(sentence => sentence.endsWith(`was acknowledged as message ${version} of chat 0`)),
      )
      // One row, and one message of its own.
      assert.equal(verdict.counts.lost, 2, verdict.sentences.join('\n'))
    })

    it('a row that is there twice', async () => {
      const verdict = await judge(60, {}, async () =>
        tamper(
          `with one as (
             update chats set version = version + 1, last_shown = version + 1, last_message = version + 1
             where id = $1 returning version)
           insert into events (chat_id, version, kind, author_id, text, created_at)
           select chat_id, one.version, kind, author_id, text, created_at
           from events, one where chat_id = $1 and events.version = $2`,
          await untouched(),
        ),
      )
      assertFound(verdict, { twice: 1 })
    })
  })

  it('tells what a proxy says by itself from what the program says through it', () => {
    const says = (statusCode: number, server: string, type?: string) =>
      isOfProxy({ statusCode, headers: { server, ...(type ? { 'content-type': type } : {}) } })
    assert.ok(says(502, 'nginx/1.22.1', 'text/html') && says(504, 'Caddy') && says(503, 'Caddy'))
    assert.ok(!says(503, 'Caddy', 'application/problem+json') && !says(503, 'nginx/1.22.1') && !says(502, 'Apache'))
  })

  it('refuses what is not on this machine, and says what it needs', async () => {
    const counts = { chats: 1, senders: 1, wanderers: 0 }
    for (const url of ['http://192.0.2.1:8000', 'http://chat.example.org', 'https://127.0.0.1', 'x']) {
      await assert.rejects(
        openTrial({ url, address: site.address, ...counts }),
        /not on this machine\. .* npm run faults/,
      )
    }
    const connectionString = 'postgres://chatire@192.0.2.1/chatire'
    await assert.rejects(
      openTrial({ url: site.url, address: { connectionString }, ...counts }),
      /database at 192\.0\.2\.1/,
    )
  })
})
