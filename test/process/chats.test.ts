import assert from 'node:assert/strict'
import { databaseUrl } from '../support/databases.js'
import { runCommand } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** Sets the title of a terminal's window, turns the text behind it, and begins a line. */
const STEERING = '\u001b]0;owned\u0007\u202e\u009b31m\n'

describe('npm run chats', () => {
  let site: Site
  let ann: Program
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  afterEach(cutStreams)
  after(() => site.close())

  const run = (...args: string[]) =>
    runCommand(['bin/chats.js', ...args], { DATABASE_URL: databaseUrl(site.address as never), PUBLIC_URL: site.url })

  async function json(...args: string[]) {
    const { code, said, errors } = await run(...args, '--json')
    assert.equal(code, 0, errors)
    return said.split('\n').map(line => JSON.parse(line))
  }

  async function startChat(title: string) {
    const uri = await ann.startChat()
    await site.db
      .updateTable('chats')
      .set({ title })
      .where('id', '=', ({ selectFrom }) => selectFrom('links').select('chat_id').where('uri', '=', uri))
      .execute()
    const [{ id }] = await json('list', title)
    return { uri, id: String(id) }
  }

  it('lists chats by the beginning of their names, without links, and shows one with its link @long', async () => {
    const { uri, id } = await startChat('Garden plans')
    await ann.startChat()
    for (const text of ['one', 'two', 'three']) {
      await ann.post(uri, text)
    }
    const { json: posted } = await ann.call('GET', `/api/chats/${uri}/messages/`)
    await ann.call('DELETE', `/api/chats/${uri}/messages/${posted.messages[0].id}/`)
    const { code, said, printed } = await run('list', 'garden')
    assert.equal(code, 0)
    assert.match(
      said,
      /^id +members +messages +last message \(UTC\) +owner, name\n\d+ +1 +2 +\S+ \S+ +ann, Garden plans$/,
    )
    assert.ok(!printed.includes(uri))
    assert.equal((await run('list')).said.split('\n').length >= 3, true)
    assert.ok((await run('list', 'CHAT STARTED')).said.includes('ann, Chat started by ann'))
    assert.ok(!(await run('list', '--json')).printed.includes(uri))
    assert.equal((await run('list', 'nothing')).said, 'There is none.')
    assert.match((await run('show', id)).said, new RegExp(`^link +${site.url}/chats/${uri}$`, 'm'))
    const [shown] = await json('show', id)
    assert.deepEqual(
      [shown.name, shown.owner, shown.messages, shown.link],
      ['Garden plans', 'ann', 2, `${site.url}/chats/${uri}`],
    )
  })

  it('makes a chat read-only and open again, and its readers are told @long', async () => {
    const { uri, id } = await startChat('To be closed')
    const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
    assert.equal((await run('read-only', id, 'on')).said, 'To be closed is read-only now.')
    assert.match((await stream.next()).data ?? '', /"event":"changed"/)
    assert.equal((await ann.post(uri, 'no')).status, 403)
    assert.deepEqual(await json('read-only', id, 'off'), [{ id: Number(id), name: 'To be closed', read_only: false }])
    await stream.next()
    assert.equal((await ann.post(uri, 'yes')).status, 201)
  })

  it('deletes a chat only with --yes, whose streams end and whose rows are gone', async () => {
    const { uri, id } = await startChat('To be deleted')
    await ann.post(uri, 'a text')
    const asked = await run('delete', id)
    assert.equal(asked.code, 1)
    assert.match(
      asked.errors,
      /^This would delete To be deleted \(1 member, 1 message\) for good\. Say --yes to do it\.$/m,
    )
    const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
    assert.match((await run('delete', id, '--yes')).said, /^To be deleted \(\d+\) is deleted\.$/)
    await stream.over()
    assert.equal((await ann.call('GET', `/api/chats/${uri}/messages/`)).status, 404)
    const left = await site.db.selectFrom('events').select('version').where('chat_id', '=', Number(id)).execute()
    assert.deepEqual(left, [])
    assert.match((await run('show', id)).errors, /^There is no chat with the id \d+\./m)
  })

  it('deletes a chat that all have left, and says that nobody can close it @long', async () => {
    const { id } = await startChat('Left alone')
    await site.db.updateTable('members').set({ left_at: new Date() }).where('chat_id', '=', Number(id)).execute()
    const refused = await run('read-only', id, 'on')
    assert.equal(refused.code, 1)
    assert.match(refused.errors, /Nothing was changed\.$/)
    assert.equal((await run('delete', id, '--yes')).code, 0)
  })

  it('says for how long messages are kept, of all chats and of one @long', async () => {
    const { uri, id } = await startChat('Kept')
    assert.equal((await run('keep', 'all', '90')).said, 'Messages are kept for 90 days.')
    assert.equal((await run('keep', id, '1')).said, 'Kept keeps messages for 1 day.')
    assert.equal((await ann.call('PATCH', `/api/chats/${uri}/settings/`, { kept_days: 7 })).status, 422)
    await run('keep', id, 'as-all')
    assert.equal((await ann.call('PATCH', `/api/chats/${uri}/settings/`, { kept_days: 7 })).status, 200)
    assert.deepEqual(await json('keep', id), [{ id: Number(id), name: 'Kept', kept_days: 7, kept_days_at_most: 90 }])
    assert.match((await run('show', id)).said, /^kept +for 7 days, as its owner says$/m)
    assert.deepEqual(await json('keep', 'all', 'always'), [{ kept_days: null }])
    for (const [word, span, none] of [
      [id, 'always', 'as-all'],
      ['all', '36501', 'always'],
      [id, '7.5\u001b[31m', 'as-all'],
    ] as const) {
      const { code, errors } = await run('keep', word, span)
      assert.equal(code, 1)
      assert.match(errors, new RegExp(`is neither ${none} nor a number of days from 1 to 36500\\.$`))
      assert.ok(!errors.includes('\u001b'))
    }
  })

  it('prints no name that steers the terminal @long', async () => {
    const { id } = await startChat('Plain')
    const title = `Plain${STEERING}not a row`
    await site.db.updateTable('chats').set({ title }).where('id', '=', Number(id)).execute()
    for (const args of [['list'], ['show', id], ['list', '--json'], ['delete', id], ['delete', id, '--yes']]) {
      const { printed, errors } = await run(...args)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(`${printed}${errors}`, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^not a row/m)
    }
  })

  it('says how it is used, and that there is no such chat @long', async () => {
    for (const args of [[], ['read-only', '1'], ['read-only', '1', 'maybe'], ['delete', '--all']]) {
      const { code, errors } = await run(...args)
      assert.equal(code, 1)
      assert.match(errors, /npm run chats -- show <id>/, args.join(' '))
    }
    for (const id of ['999999', 'x', '9'.repeat(30)]) {
      const { code, errors } = await run('show', id)
      assert.equal(code, 1)
      assert.match(errors, /^There is no chat with the id \S+\. npm run chats -- list shows the ids\.$/)
    }
  })
})
