import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { databaseUrl } from '../support/databases.js'
import { runCommand } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('npm run chats -- export and import', () => {
  let site: Site
  let ann: Program
  let folder: string
  let id: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    folder = await mkdtemp(path.join(tmpdir(), 'chatire-files-'))
    const { uri } = (await ann.call('POST', '/api/chats/', { title: 'Garden plans' })).json
    for (const text of ['one', 'two', 'three']) {
      await ann.post(uri, text)
    }
    const { rows } = await site.pool.query('select chat_id from links where uri = $1', [uri])
    id = String(rows[0].chat_id)
  })
  after(async () => {
    await site.close()
    await rm(folder, { recursive: true })
  })

  const run = (...args: string[]) =>
    runCommand(['bin/chats.js', ...args], { DATABASE_URL: databaseUrl(site.address as never), PUBLIC_URL: site.url })

  it('write a chat into a file that only its owner reads, and make a chat of it', async () => {
    const file = path.join(folder, 'chat.ndjson')
    const written = await run('export', id, file)
    assert.equal(written.code, 0, written.errors)
    assert.match(written.said, /^Garden plans is in .*chat\.ndjson, 0\.0 MB\.$/)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    assert.equal(JSON.parse(lines.at(-1) ?? '').event, 'end')
    const again = await run('export', id, file)
    assert.match(again.errors, /is there already/)
    const made = await run('import', file, 'ann', '--json')
    assert.equal(made.code, 0, made.errors)
    const { link, messages } = JSON.parse(made.said)
    assert.equal(messages, 3)
    const list = (await ann.call('GET', `/api${new URL(link).pathname}/messages/`)).json.messages
    assert.deepEqual(
      list.map((one: { message: string }) => one.message),
      ['one', 'two', 'three'],
    )
    assert.match((await run('import', file, 'ann')).said, /^It was imported before\.\nhttp/)
  })

  it('say what is wrong, and leave no part of a file @long', async () => {
    const bad = path.join(folder, 'bad.ndjson')
    await writeFile(bad, '{"user": {"name": "x"}}\n')
    for (const [args, sentence] of [
      [['export', id, path.join(folder, 'chat.doc')], /has to end in one of \.html, \.txt/],
      [['export', id, path.join(folder, 'none/chat.txt')], /cannot be written/],
      [['export', '999999', path.join(folder, 'x.txt')], /There is no chat with the id 999999/],
      [['import', bad, 'ann'], /bad\.ndjson: Line 1: "created_at"/],
      [['import', bad, 'nobody'], /There is no account called nobody/],
      [['import', path.join(folder, 'none.json'), 'ann'], /There is no file/],
    ] as const) {
      const { code, errors } = await run(...args)
      assert.equal(code, 1, args.join(' '))
      assert.match(errors, sentence)
    }
  })
})
