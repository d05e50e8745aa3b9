import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { audit } from '../../src/db/audit.js'
import { keepAll, keepChat } from '../../src/db/retention.js'
import { databaseUrl } from '../support/databases.js'
import { runCommand } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, fillChat, openEvents } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('npm run prune', () => {
  let site: Site
  let ann: Program
  let bob: Program
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
  })
  afterEach(cutStreams)
  after(() => site.close())

  const run = (...args: string[]) =>
    runCommand(['bin/prune.js', ...args], { DATABASE_URL: databaseUrl(site.address as never) })

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
    for (const table of ['events', 'chats']) {
      const key = sql.ref(table === 'events' ? 'chat_id' : 'id')
      await sql`update ${sql.table(table)} set created_at = created_at - make_interval(days => ${days}) where ${key} = ${id}`.execute(
        site.db,
      )
    }
  }

  async function texts(id: number) {
    const rows = await site.db
      .selectFrom('events')
      .select('text')
      .where('chat_id', '=', id)
      .where('kind', '=', 'message')
      .where('text', 'is not', null)
      .execute()
    return rows.map(({ text }) => text)
  }

  async function messages(uri: string) {
    return (await ann.call('GET', `/api/chats/${uri}/messages/`)).json.messages
  }

  it('deletes what is older, of members and of those who left, in batches, and leaves what is newer', async () => {
    const { uri, id } = await startChat()
    await bob.join(uri)
    const { json: first } = await bob.post(uri, 'old secret of bob')
    await ann.call('DELETE', `/api/chats/${uri}/messages/${(await ann.post(uri, 'gone before')).json.id}/`)
    await fillChat(site, uri, 250, 'old secret')
    await age(id, 31)
    assert.equal((await bob.call('DELETE', `/api/chats/${uri}/members/me/`)).status < 300, true)
    await ann.call('POST', `/api/chats/${uri}/messages/`, { message: 'an answer', reply_to: first.id })
    const dry = await run('--days', '30', '--chat', String(id), '--dry-run')
    assert.equal(dry.said, 'Would delete the texts of 251 messages in 1 chat, older than 30 days.')
    assert.equal((await texts(id)).length, 252)

    const { code, said } = await run('--days', '30', '--chat', String(id))
    assert.deepEqual([code, said], [0, 'Deleted the texts of 251 messages in 1 chat, older than 30 days.'])
    assert.deepEqual(await texts(id), ['an answer'])
    assert.equal(JSON.stringify(await messages(uri)).includes('secret'), false)
    const found = await ann.call('GET', `/api/chats/${uri}/search/?q=secret`)
    assert.deepEqual([found.status, found.json.messages], [200, []])
    const { holes, wrong_clocks } = await audit(site.address)
    assert.deepEqual([holes, wrong_clocks], [0, 0])
    const again = await run('--days', '30', '--chat', String(id), '--json')
    assert.deepEqual(JSON.parse(again.said), { days: 30, dry_run: false, chats: 0, messages: 0 })
  })

  it('tells readers as if the author had deleted the message, while others post @long', async () => {
    const { uri, id } = await startChat()
    const { json: old } = await ann.post(uri, 'old text')
    await age(id, 10)
    const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
    const [{ code }] = await Promise.all([run('--days', '9', '--chat', String(id)), ann.post(uri, 'new text')])
    assert.equal(code, 0)
    const { data } = await stream.first(({ data = '' }) => data.includes('"event":"deleted"'))
    const { id: changed, user, message } = JSON.parse(data ?? '')
    assert.deepEqual([user.username, changed, message], ['ann', old.id, ''])
    assert.deepEqual(await texts(id), ['new text'])
  })

  it('goes through all chats, also those that all have left @long', async () => {
    const [one, left, fresh] = [await startChat(), await startChat(), await startChat()]
    for (const { uri, id } of [one, left]) {
      await ann.post(uri, 'old')
      await age(id, 400)
    }
    await ann.post(fresh.uri, 'fresh')
    await site.db.updateTable('members').set({ left_at: new Date() }).where('chat_id', '=', left.id).execute()
    const { said } = await run('--days', '365', '--json')
    assert.deepEqual(JSON.parse(said), { days: 365, dry_run: false, chats: 2, messages: 2 })
    assert.deepEqual([await texts(one.id), await texts(left.id), await texts(fresh.id)], [[], [], ['fresh']])
  })

  it('without a number applies those that are stored, at once @long', async () => {
    const [mine, other] = [await startChat(), await startChat()]
    for (const { uri, id } of [mine, other]) {
      await ann.post(uri, 'old')
      await age(id, 20)
      await ann.post(uri, 'fresh')
    }
    await keepAll(site.db, 30)
    await keepChat(site.db, mine.id, 10)
    const dry = await run('--dry-run')
    assert.equal(dry.said, 'Would delete the texts of 1 message in 1 chat, older than their chats keep them.')
    assert.equal((await texts(mine.id)).length, 2)
    const { said } = await run('--json')
    assert.deepEqual(JSON.parse(said), { days: null, dry_run: false, chats: 1, messages: 1 })
    assert.deepEqual([await texts(mine.id), (await texts(other.id)).length], [['fresh'], 2])
    await keepChat(site.db, other.id, 10)
    const one = await run('--chat', String(other.id))
    assert.equal(one.said, 'Deleted the texts of 1 message in 1 chat, older than their chats keep them.')
    await keepAll(site.db, null)
    assert.match(
      (await run('--chat', String((await startChat()).id))).said,
      /^Deleted the texts of 0 messages in 0 chats/,
    )
  })

  it('says how it is used, and that there is no such chat @long', async () => {
    for (const args of [
      ['more'],
      ['--days', '0'],
      ['--days', '1.5'],
      ['--days', '9', 'more'],
      ['--days', '9', '--all'],
    ]) {
      const { code, errors } = await run(...args)
      assert.equal(code, 1)
      assert.match(errors, /npm run prune -- --days 90/, args.join(' '))
    }
    const { code, errors } = await run('--days', '9', '--chat', '999999')
    assert.equal(code, 1)
    assert.match(errors, /^There is no chat with the id 999999\./)
  })
})
