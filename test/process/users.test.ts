import assert from 'node:assert/strict'
import { databaseUrl } from '../support/databases.js'
import { guest } from '../support/guests.js'
import { runCommand } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents, openPageEvents } from '../support/streams.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

/** Sets the title of a terminal's window, turns the text behind it, and begins a line. */
const STEERING = '\u001b]0;owned\u0007\u202e\u009b31m\n'

describe('npm run users', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  afterEach(cutStreams)
  after(() => site.close())

  const run = (...args: string[]) =>
    runCommand(['bin/users.js', ...args], { DATABASE_URL: databaseUrl(site.address as never) })

  async function json(...args: string[]) {
    const { code, said, errors } = await run(...args, '--json')
    assert.equal(code, 0, errors)
    return said.split('\n').map(line => JSON.parse(line))
  }

  it('lists users, and finds them by the beginning of a name in any case @long', async () => {
    const ann = await new Visitor(site).signUp('Annika')
    await ann.startChat()
    await ann.startChat()
    await signUpProgram(site, 'annabel')
    await new Visitor(site).signUp('bert')
    const gus = await guest(site, 'Annual Guest')
    const { code, said } = await run('list', 'ANN')
    assert.equal(code, 0)
    const [heading, ...lines] = said.split('\n')
    assert.match(heading ?? '', /^id +kind +since +last seen \(UTC\) +chats +username, name$/)
    assert.deepEqual(
      lines.map(line =>
        line
          .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'time')
          .replace(/^\d+ +/, '')
          .trim()
          .split(/ {2,}/),
      ),
      [
        ['account', 'time', 'time', '2', 'Annika'],
        ['account', 'time', 'time', '0', 'annabel'],
        ['guest', 'time', 'time', '0', 'Annual Guest'],
      ],
    )
    const listed = await json('list', 'annu')
    assert.deepEqual(
      listed.map(({ id, kind, name, sessions, tokens }) => ({ id, kind, name, sessions, tokens })),
      [{ id: gus.id, kind: 'guest', name: 'Annual Guest', sessions: 1, tokens: 0 }],
    )
    assert.ok((await json('list')).length >= 4)
    assert.equal((await run('list', 'nobody')).said, 'There is none.')
  })

  it('shows one, by username or id', async () => {
    await new Visitor(site).signUp('shown')
    const [user] = await json('show', 'SHOWN')
    assert.equal(user.username, 'shown')
    assert.equal('password_hash' in user, false)
    const { said } = await run('show', `id:${user.id}`)
    assert.match(said, /^username {3}shown\nname {7}shown\nid {9}\d+\nkind {7}account\n/)
    assert.match(said, /^sessions {3}1$/m)
  })

  it('prints no name that steers the terminal @long', async () => {
    const { id } = await guest(site, 'Evil')
    await site.db
      .updateTable('users')
      .set({ name: `Evil${STEERING}not a row` })
      .where('id', '=', id)
      .execute()
    for (const args of [['list'], ['show', `id:${id}`], ['list', '--json'], ['sign-out', `id:${id}`]]) {
      const { code, printed } = await run(...args)
      assert.equal(code, 0)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(printed, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^not a row/m)
    }
    const [shown] = await json('show', `id:${id}`)
    assert.equal(shown.name, `Evil${STEERING}not a row`)
  })

  it('signs out all browsers of a user, whose streams end, and their tokens only if told so @long', async () => {
    const ann = await new Visitor(site).signUp('signed')
    const uri = await ann.startChat()
    const program = await signUpProgram(site, 'robot')
    await program.join(uri)
    const [stream, other] = [
      await openPageEvents(site, `/chats/${uri}/live`, ann),
      await openEvents(site, `/api/chats/${uri}/live/`, program),
    ]
    assert.deepEqual(await json('sign-out', 'signed'), [
      { id: (await json('show', 'signed'))[0].id, username: 'signed', sessions: 1, tokens: 0 },
    ])
    await stream.over()
    assert.equal((await ann.get('/account')).status, 401)
    const { said } = await run('sign-out', 'robot')
    assert.match(said, /^robot is signed out: 0 sessions ended\. Their tokens go on working: --tokens revokes them\.$/)
    assert.equal((await program.call('GET', '/api/chats/')).status, 200)
    assert.match((await run('sign-out', 'robot', '--tokens')).said, /0 sessions ended, 1 token revoked\.$/)
    await other.over()
    assert.equal((await program.call('GET', '/api/chats/')).status, 401)
  })

  it('deletes a user only with --yes, in all their chats @long', async () => {
    const ann = await new Visitor(site).signUp('leaving')
    const uri = await ann.startChat()
    const heir = await signUpProgram(site, 'heir')
    await heir.join(uri)
    await ann.post(`/chats/${uri}/messages`, { message: 'what I said' })
    const asked = await run('delete', 'leaving')
    assert.equal(asked.code, 1)
    assert.match(
      asked.errors,
      /^This would delete leaving \(account, id:\d+, in 1 chat\) for good\. Say --yes to do it\.$/m,
    )
    assert.equal((await json('show', 'leaving'))[0].username, 'leaving')
    const stream = await openPageEvents(site, `/chats/${uri}/live`, ann)
    assert.match((await run('delete', 'leaving', '--yes')).said, /^leaving \(id:\d+\) is deleted\.$/)
    await stream.over()
    const chat = (await heir.call('GET', `/api/chats/${uri}/`)).json
    assert.equal(chat.owner.username, 'heir')
    const { json: list } = await heir.call('GET', `/api/chats/${uri}/messages/`)
    assert.ok(JSON.stringify(list).includes('what I said'))
    assert.ok(!JSON.stringify(list).includes('leaving'))
    assert.match((await run('show', 'leaving')).errors, /There is no user called leaving\./)
  })

  it('has no link for a guest', async () => {
    const { id } = await guest(site, 'Visitor')
    const { code, errors } = await run('reset-password', `id:${id}`)
    assert.equal(code, 1)
    assert.match(errors, /^Visitor is a guest, and has no password\.$/m)
  })

  it('says how it is used, that there is no such user, and that the database is missing @long', async () => {
    for (const args of [[], ['toString'], ['show', 'a', 'b'], ['delete', '--sure'], ['delete', 'ann', '--tokens']]) {
      const { code, errors } = await run(...args)
      assert.equal(code, 1)
      assert.match(errors, /npm run users -- sign-out <name>/, args.join(' '))
    }
    for (const word of ['nobody', 'id:999999999999999', STEERING]) {
      const { code, errors } = await run('show', word)
      assert.equal(code, 1)
      assert.match(errors, /^There is no user called .*\. npm run users -- list finds them; guests go by their id\.$/)
    }
    const { code, errors } = await runCommand(['bin/users.js', 'list'], {
      DATABASE_URL: 'postgres://x@127.0.0.1:1/x y',
    })
    assert.equal(code, 1)
    assert.match(errors, /DATABASE_URL/)
  })
})
