import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { audit } from '../../src/db/audit.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { keepAll, keepChat, overdueChats } from '../../src/db/retention.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, fillChat, openEvents } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('messages that are older than their chat keeps them', () => {
  let site: Site
  let ann: Program
  let uri: string
  let id: number
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  after(() => site.close())
  afterEach(cutStreams)
  beforeEach(async () => {
    await keepAll(site.db, null)
    ;({ uri, id } = await startChat())
  })

  it('lose their text within the hour, also in the search, in memory and in streams; newer ones stay', async () => {
    await fillChat(site, uri, 250, 'old secret')
    await age(id, 31)
    await ann.post(uri, 'new secret')
    const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
    assert.equal((await read(uri)).includes('old secret'), true)
    await keepAll(site.db, 30)
    await deleteExpired(site.db)
    assert.deepEqual(await texts(id), ['new secret'])
    await stream.first(({ data = '' }) => data.includes('"event":"deleted"'))
    assert.equal((await read(uri)).includes('old secret'), false)
    const found = await ann.call('GET', `/api/chats/${uri}/search/?q=secret`)
    assert.deepEqual(
      found.json.messages.map(({ message }: { message: string }) => message),
      ['new secret'],
    )
    const { holes, wrong_clocks } = await audit(site.address)
    assert.deepEqual([holes, wrong_clocks], [0, 0])
  })

  it('are those of each chat by its own number: the operator’s for it before that for all, the owner’s where it is less', async () => {
    const cases = [
      { all: null, operator: null, owner: null, kept: [40, 20, 5] },
      { all: 30, operator: null, owner: null, kept: [20, 5] },
      { all: 10, operator: 30, owner: null, kept: [20, 5] },
      { all: 30, operator: 10, owner: null, kept: [5] },
      { all: 30, operator: null, owner: 10, kept: [5] },
      { all: 10, operator: null, owner: 30, kept: [5] },
      { all: null, operator: null, owner: 10, kept: [5] },
    ]
    for (const { all, operator, owner, kept } of cases) {
      const { uri, id } = await startChat()
      for (const days of [20, 15, 5]) {
        await ann.post(uri, String(days === 20 ? 40 : days === 15 ? 20 : 5))
        await age(id, days)
      }
      await site.db.updateTable('chats').set({ days_by_owner: owner }).where('id', '=', id).execute()
      await keepChat(site.db, id, operator)
      await keepAll(site.db, all)
      await deleteExpired(site.db)
      assert.deepEqual((await texts(id)).map(Number), kept, JSON.stringify({ all, operator, owner }))
    }
  })

  it('are looked for behind those that were deleted before, also after the number has changed', async () => {
    const prunedTo = async () =>
      await site.db.selectFrom('chats').select(['pruned_to', 'version']).where('id', '=', id).executeTakeFirstOrThrow()
    await ann.post(uri, 'first')
    await age(id, 5)
    const { json } = await ann.post(uri, 'second')
    await keepChat(site.db, id, 4)
    await deleteExpired(site.db)
    assert.deepEqual([await texts(id), (await prunedTo()).pruned_to], [['second'], json.id - 1])
    const { version } = await prunedTo()
    await deleteExpired(site.db)
    assert.deepEqual([(await prunedTo()).version, await overdue()], [version, []])
    await age(id, 4)
    assert.deepEqual(await overdue(), [id])
    await keepChat(site.db, id, null)
    assert.deepEqual(await overdue(), [])
    await deleteExpired(site.db)
    assert.deepEqual(await texts(id), ['second'])
    await keepChat(site.db, id, 3)
    await deleteExpired(site.db)
    assert.deepEqual(await texts(id), [])
  })

  it('stay where a chat was deleted, whose rows go anyway', async () => {
    await ann.post(uri, 'text')
    await age(id, 5)
    await keepAll(site.db, 1)
    await site.db.updateTable('chats').set({ deleted_at: new Date() }).where('id', '=', id).execute()
    assert.equal((await overdue()).includes(id), false)
    const { rows } = await sql`select pruned, more from prune_chat(${id}, 10)`.execute(site.db)
    assert.deepEqual(rows, [{ pruned: 0, more: false }])
  })

  async function startChat() {
    const uri = await ann.startChat()
    const { chat_id } = await site.db
      .selectFrom('links')
      .select('chat_id')
      .where('uri', '=', uri)
      .executeTakeFirstOrThrow()
    return { uri, id: chat_id }
  }

  /** Makes all that is in the chat so many days older. */
  async function age(id: number, days: number) {
    await sql`update events set created_at = created_at - make_interval(days => ${days}) where chat_id = ${id}`.execute(
      site.db,
    )
  }

  async function texts(id: number) {
    const rows = await site.db
      .selectFrom('events')
      .select('text')
      .where('chat_id', '=', id)
      .where('kind', '=', 'message')
      .where('text', 'is not', null)
      .orderBy('version')
      .execute()
    return rows.map(({ text }) => text)
  }

  async function read(uri: string) {
    return JSON.stringify((await ann.call('GET', `/api/chats/${uri}/messages/?limit=1000`)).json.messages)
  }

  async function overdue() {
    const ids: number[] = []
    for await (const { id } of overdueChats(site.db)) {
      ids.push(id)
    }
    return ids
  }
})
