import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { migrate } from '../../src/db/migrate.js'
import { type Cluster, startCluster } from '../../src/postgres/cluster.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** More than the transactions of everything else in a test. */
const NUMBERS = 300

/** PostgreSQL gives numbers of transactions again that were not on the disk when it crashed (src/db/snapshots.ts). */
describe('a cursor of all chats, when PostgreSQL crashes @long', () => {
  let folder: string
  let cluster: Cluster
  let site: Site
  let ann: Program
  let uri: string
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'chatire-'))
    cluster = await startCluster(path.join(folder, 'data'), () => {})
    await migrate(cluster.connection, () => {})
    site = await openSite({}, { address: cluster.connection })
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  after(async () => {
    await site?.close()
    await cluster?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const read = async (query: string) => {
    const { status, text, json } = await ann.call('GET', `/api/events/${query}`)
    assert.equal(status, 200, text)
    return json
  }
  const number = async () => Number((await site.pool.query('select pg_current_xact_id() as xid')).rows[0].xid)

  it('brings what is written under such numbers to who has read a page', async () => {
    const { cursor } = await read('')
    const givenAgain = await brings(async () => {
      await ann.post(uri, 'before')
      await useNumbersUp()
      const page = await read(`?after=${cursor}`)
      assert.equal(page.items.length, 1)
      return page.cursor
    }, [])
    assert.ok(givenAgain)
  })

  it('brings it to who has found nothing new', async () => {
    const { cursor } = await read('')
    const givenAgain = await brings(async () => {
      await useNumbersUp()
      return (await read(`?after=${cursor}`)).cursor
    }, [])
    assert.ok(givenAgain)
  })

  it('brings it to who begins', async () => {
    await brings(async () => {
      await useNumbersUp()
      return (await read('')).cursor
    }, [])
  })

  it('brings it to who is in the middle of a page, behind the rest of that', async () => {
    const { cursor } = await read('')
    await brings(async () => {
      await ann.post(uri, 'first')
      await ann.post(uri, 'second')
      await useNumbersUp()
      return (await read(`?after=${cursor}&limit=1`)).cursor
    }, ['second'])
  })

  it('brings it to who has come to a chat', async () => {
    const { cursor } = await read('')
    await brings(async () => {
      await ann.startChat()
      await useNumbersUp()
      return (await read(`?after=${cursor}`)).cursor
    }, [])
  })

  async function useNumbersUp() {
    for (let n = 0; n < NUMBERS; n++) {
      await number()
    }
  }

  /**
   * Crashes PostgreSQL after `reading`, which returns a cursor, and posts. The cursor must bring these texts, and then all posts. Returns whether
   * numbers were given again.
   */
  async function brings(reading: () => Promise<string>, texts: string[]): Promise<boolean> {
    const walWriter = async (): Promise<number> =>
      (await site.pool.query("select pid from pg_stat_activity where backend_type = 'walwriter'")).rows[0]?.pid
    const pid = await walWriter()
    // It would bring them onto the disk a moment later.
    process.kill(pid, 'SIGSTOP')
    const after = await reading()
    const highest = await number()
    process.kill(pid, 'SIGKILL')
    await until(async () => {
      const another = await walWriter().catch(() => undefined)
      return another !== undefined && another !== pid
    })
    await until(async () => (await ann.post(uri, 'now')).status === 201)
    for (let n = 0; n < 30; n++) {
      await ann.post(uri, `${n}`)
    }
    const isGivenAgain = (await number()) < highest
    const got: string[] = []
    for (let next: string = `?after=${after}`; next; ) {
      const page = await read(next)
      got.push(...page.items.map(({ message }: { message: string }) => message))
      next = page.next ? new URL(page.next).search : ''
      if (!next && page.items.length > 0) {
        next = `?after=${page.cursor}`
      }
    }
    assert.deepEqual(got, [...texts, 'now', ...Array.from({ length: 30 }, (_, n) => `${n}`)])
    return isGivenAgain
  }
})
