import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.js'
import { openBroker, skipWithoutBroker } from '../support/broker.js'
import { createDatabase, createEmptyDatabase, databaseUrl, dropDatabase } from '../support/databases.js'
import { runCommand, temporaryFolder } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'

interface Finding {
  what: string
  state: 'ok' | 'warn' | 'bad'
  says: string
  todo: string
}

describe('npm run doctor', () => {
  let site: Site
  const databases: string[] = []
  before(async () => {
    site = await openSite()
  })
  after(async () => {
    await site.close()
    await Promise.all(databases.map(dropDatabase))
  })

  const run = (args: string[], env: Record<string, string>) => runCommand(['bin/doctor.js', ...args], env)

  async function findings(env: Record<string, string>) {
    const { code, said, errors } = await run(['--json'], env)
    const found: Finding[] = JSON.parse(said || `"${errors}"`)
    return { code, of: (what: string) => found.find(finding => finding.what === what), found }
  }

  const near = () => ({
    DATABASE_URL: databaseUrl(site.address as never),
    HOST: '127.0.0.1',
    PORT: new URL(site.url).port,
  })

  it('begins a new epoch for files that were put back by hand, and says which one @long', async () => {
    const before = (await findings(near())).of('epoch')
    assert.deepEqual([before?.state, before?.says], ['ok', 'It is number 1.'])
    const { code, said, errors } = await run(['new-epoch'], near())
    assert.deepEqual([code, said], [0, 'This is epoch 2.'], errors)
    assert.match(errors, /A new epoch has begun/)
    assert.equal((await findings(near())).of('epoch')?.says, 'It is number 2.')
    assert.equal((await findings(near())).of('backup')?.what, 'backup')
  })

  it('says of each thing in a line how it is and what to do, and ends with 1 if one is bad', async () => {
    // The server of the tests has fsync off.
    const { code, said } = await run([], near())
    assert.equal(code, 1)
    for (const line of said.split('\n')) {
      assert.match(line, /^(ok {2}|warn|bad ) {2}[a-z ]+: [A-Z0-9f].*\.$/)
    }
    assert.match(
      said,
      /^bad {3}durability: fsync and full_page_writes off: a loss of power can destroy the database\. Set it on/m,
    )
    assert.match(said, /^ok {4}program: It answers at 127\.0\.0\.1:\d+, and can read and write\.$/m)
    for (const what of ['version', 'session', 'pooler', 'connections', 'clock', 'tables', 'limits']) {
      assert.match(said, new RegExp(`^ok    ${what}: `, 'm'))
    }
  })

  it('looks for backups where it is told that they are @long', async () => {
    const folder = await temporaryFolder()
    try {
      const about = { program: 'chatire', format: 1, platform: 'x', postgres: 18, embedded: true, migration: null }
      const backup = async () => {
        const { said } = await run(['--backups', folder.path], near())
        return said.split('\n').find(line => line.includes(' backup: '))
      }
      assert.match((await backup()) ?? '', new RegExp(`^warn  backup: None is in ${folder.path}\\. .* --backups\\.$`))
      for (const [made_at, words] of [
        ['2026-11-01T03:00:00.000Z', / days old\. /],
        [new Date().toISOString(), /^ok {4}backup: The newest in /],
      ] as const) {
        const path = `${folder.path}/chatire-${made_at.replaceAll(/[:.]/g, '-')}`
        await mkdir(path)
        await writeFile(`${path}/about.json`, JSON.stringify({ ...about, made_at }))
        assert.match((await backup()) ?? '', words)
      }
      for (const args of [['--backups'], ['new-epoch', '--json'], ['backups']]) {
        const { code, errors } = await run(args, near())
        assert.equal(code, 1)
        assert.match(errors, /npm run doctor -- --backups <folder>/)
      }
    } finally {
      await folder.remove()
    }
  })

  it('says the same as JSON', async () => {
    const { code, found } = await findings(near())
    assert.equal(code, 1)
    for (const { state, says, todo } of found) {
      assert.ok(says)
      assert.equal(todo === '', state === 'ok')
    }
  })

  it('notices what is wrong with the proxy and the settings', async () => {
    const wrong = await findings({ ...near(), LIMITS: 'off', PUBLIC_URL: 'https://127.0.0.1:1' })
    assert.equal(wrong.of('limits')?.state, 'bad')
    assert.match(wrong.of('proxies')?.says ?? '', /TRUST_PROXY is 0: all people count as one address/)
    assert.match(wrong.of('proxy')?.says ?? '', /^https:\/\/127\.0\.0\.1:1\/ cannot be reached from here: /)
    const right = await findings({ ...near(), PUBLIC_URL: site.url })
    assert.equal(right.of('proxy')?.state, 'ok')
    assert.equal(right.of('public url')?.state, 'warn')
  })

  it('notices connections that are too few for the processes', async () => {
    const { of } = await findings({ ...near(), WEB_CONCURRENCY: '64' })
    assert.equal(of('connections')?.state, 'bad')
    assert.match(of('connections')?.says ?? '', /^64 processes need 324 of \d+ connections/)
  })

  it('says what carries the hints @long', async () => {
    assert.deepEqual((await findings(near())).of('bus')?.state, 'ok')
    const off = { ...near(), BUS: 'off' }
    assert.equal((await findings(off)).of('bus')?.state, 'ok')
    assert.equal((await findings({ ...off, WEB_CONCURRENCY: '2' })).of('bus')?.state, 'warn')
    const { code, of, found } = await findings({ ...near(), BUS: 'amqp://chatire:secretive@127.0.0.1:1' })
    assert.equal(code, 1)
    assert.equal(of('bus')?.state, 'bad')
    assert.match(of('bus')?.says ?? '', /^RabbitMQ at 127\.0\.0\.1:1 carries no hints: connect ECONNREFUSED/)
    assert.ok(!JSON.stringify(found).includes('secretive'))
  })

  it('tries whether RabbitMQ carries hints @long', async function () {
    skipWithoutBroker.call(this)
    const broker = await openBroker()
    try {
      const { of } = await findings({ ...near(), BUS: broker.url })
      assert.equal(of('bus')?.state, 'ok')
      assert.match(
        of('bus')?.says ?? '',
        /^RabbitMQ at 127\.0\.0\.1:\d+ carries the hints between processes\. One took \d+ ms\.$/,
      )
      assert.ok(!(await broker.control('list_exchanges', 'name')).includes('chatire-doctor'))
    } finally {
      await broker.close()
    }
  })

  it('notices a database that takes no writes, settings that do not hold and tables that are missing @long', async () => {
    const [locked, empty] = [await createDatabase(), await createEmptyDatabase()]
    databases.push(locked.database, empty.database)
    const client = new pg.Client(locked)
    await client.connect()
    await client.query(`alter database ${locked.database} set default_transaction_read_only = on`)
    await client.end()
    assert.match(
      (await findings({ DATABASE_URL: databaseUrl(locked) })).of('durability')?.says ?? '',
      /takes no writes/,
    )
    const { of } = await findings({ DATABASE_URL: databaseUrl(empty) })
    assert.equal(of('tables')?.state, 'bad')
    assert.match(of('tables')?.says ?? '', /^001_accounts, /)
    await migrate(empty, () => {})
    assert.equal((await findings({ DATABASE_URL: databaseUrl(empty) })).of('tables')?.state, 'ok')
  })

  it('says that the database cannot be asked', async () => {
    const { of, code } = await findings({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    assert.equal(code, 1)
    assert.match(of('postgresql')?.says ?? '', /^It cannot be asked: .*ECONNREFUSED/)
  })

  it('says how it is used', async () => {
    const { code, errors } = await run(['--what'], {})
    assert.equal(code, 1)
    assert.match(errors, /npm run doctor -- --json/)
  })
})
