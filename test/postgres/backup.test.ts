import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import tar from 'tar-stream'
import { audit } from '../../src/db/audit.js'
import { JUMP } from '../../src/db/epoch.js'
import { migrate } from '../../src/db/migrate.js'
import { type Cluster, startCluster } from '../../src/postgres/cluster.js'
import { findPostmaster } from '../../src/postgres/postmaster.js'
import { startProgram } from '../support/program.js'
import { openStream } from '../support/readers.js'
import { until } from '../support/server.js'
import { openSite } from '../support/site.js'
import { fillChat } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

const run = promisify(execFile)

/** DRILLED=300000 npm test -- dist/test/postgres/backup.test.js -g "under load" does it with so many messages that were there before. */
const DRILLED = Number(process.env.DRILLED ?? 0)

const KILLS = 10

describe('a backup', function () {
  this.timeout(120_000)
  let home: string
  let dataDir: string
  let backups: string
  const closing: (() => unknown)[] = []

  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'chatire-backup-'))
    closing.push(() => rm(home, { recursive: true, force: true }))
    dataDir = path.join(home, 'data')
    backups = path.join(home, 'backups')
  })
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
  })

  const start = async () => {
    const cluster = await startCluster(dataDir, () => {})
    closing.push(() => cluster.stop())
    return cluster
  }

  async function command(script: 'backup' | 'restore' | 'doctor', args: string[], env: Record<string, string> = {}) {
    const program = startProgram([`bin/${script}.js`, ...args], { DATA_DIR: dataDir, ...env })
    const code = await program.ended
    return { code, said: program.lines.join('\n') }
  }

  /** Makes a backup and returns its folder. */
  async function backedUp(): Promise<string> {
    const { code, said } = await command('backup', [backups])
    assert.equal(code, 0, said)
    const [, folder = ''] = /Backup made: (\S+),/.exec(said) ?? []
    return folder
  }

  async function restored(folder: string) {
    const { code, said } = await command('restore', [folder])
    assert.equal(code, 0, said)
    return said
  }

  async function query({ connection }: Cluster, text: string) {
    const client = new pg.Client(connection)
    await client.connect()
    return client.query(text).finally(() => client.end())
  }

  it('under load, and what becomes of its readers when it is restored @long', async function () {
    this.timeout(120_000 + DRILLED * 2)
    const cluster = await start()
    await migrate(cluster.connection, () => {})
    const site = await openSite({}, { address: cluster.connection })
    closing.push(() => site.close())
    const writers = await Promise.all(['ann', 'bob', 'cat', 'dan'].map(name => signUpProgram(site, name)))
    const uris: string[] = []
    for (const writer of writers) {
      const uri = await writer.startChat()
      uris.push(uri)
      await Promise.all(writers.filter(other => other !== writer).map(other => other.join(uri)))
    }

    for (let n = 0; n < DRILLED; n += 1000) {
      await fillChat(site, uris[n % uris.length] ?? '', 1000, 'a message as people write them')
    }

    const acknowledged: { at: number; uri: string; version: number }[] = []
    let loading = true
    const load = writers.map(async writer => {
      for (let n = 0; loading; n++) {
        const uri = uris[n % uris.length] ?? ''
        const answer = await writer.post(uri, 'x'.repeat(200)).catch(() => undefined)
        if (answer?.status === 201) {
          acknowledged.push({ at: performance.now(), uri, version: answer.json.id })
        }
      }
    })
    await until(() => acknowledged.length > 200)
    const began = performance.now()
    const folder = await backedUp()
    const ended = performance.now()
    const after = acknowledged.length
    await until(() => acknowledged.length > after + 200)

    // Destroyed while people write and read.
    const [ann] = writers as [Program, ...Program[]]
    const [uri = ''] = uris
    const stream = await openStream(`${site.url}/api/chats/${uri}/live/?after=0`, {
      authorization: `Token ${ann.token}`,
    })
    const dir = path.join(dataDir, `postgres-${(await readdir(dataDir)).join().match(/postgres-(\d+)/)?.[1]}`)
    process.kill(findPostmaster(dir)?.pid ?? 0, 'SIGKILL')
    loading = false
    await Promise.all(load)
    await cluster.died
    const restoring = performance.now()
    const said = await restored(folder)
    const seconds = (performance.now() - restoring) / 1000
    assert.match(said, /What was there before is kept in/)

    // The program has gone on all the time.
    const again = await start()
    const epoch = async () => (await query(again, 'select number from epoch')).rows[0].number
    await until(async () => (await epoch()) === 2)
    await stream.over
    const events = new Map<string, Set<number>>()
    for (const each of uris) {
      const versions = new Set<number>()
      for (let cursor = 0, more = true; more; ) {
        const { json, status } = await ann.call('GET', `/api/chats/${each}/messages/?after=${cursor}`)
        assert.equal(status, 200)
        for (const { version } of json.messages) versions.add(version)
        cursor = json.version
        more = json.more
      }
      events.set(each, versions)
    }
    const before = acknowledged.filter(({ at }) => at < began)
    const missing = before.filter(({ uri, version }) => !events.get(uri)?.has(version))
    const lost = acknowledged.filter(({ uri, version }) => !events.get(uri)?.has(version))
    const packed = (await stat(path.join(folder, 'base.tar.gz'))).size
    const { Files } = JSON.parse(await readFile(path.join(folder, 'backup_manifest'), 'utf8'))
    const files = Files.reduce((sum: number, { Size }: { Size: number }) => sum + Size, 0)
    console.log(
      [
        `database ${(files / 1e6).toFixed(0)} MB, packed ${(packed / 1e6).toFixed(0)} MB`,
        `backup ${((ended - began) / 1000).toFixed(1)} s, restore ${seconds.toFixed(1)} s`,
        `acknowledged before the backup ${before.length}, of these missing ${missing.length}`,
        `acknowledged after it began ${acknowledged.length - before.length}, of these in the copy ${acknowledged.length - lost.length - before.length}`,
      ]
        .map(line => `      ${line}`)
        .join('\n'),
    )
    assert.equal(missing.length, 0)
    assert.ok(lost.length > 0)
    const found = await audit(again.connection)
    assert.deepEqual([found.wrong_clocks, found.holes, found.chats], [0, 0, uris.length])

    for (const each of uris) {
      const versions = [...(events.get(each) ?? [])]
      const last = versions.at(-1) ?? 0
      const list = (cursor: number) => ann.call('GET', `/api/chats/${each}/messages/?after=${cursor}`)
      const { json: posted } = await ann.post(each, 'after the restore')
      assert.ok(posted.id > JUMP)
      // Of before: it misses nothing. Of between: it is told. Of after: nothing special.
      const old = versions[Math.floor(versions.length / 2)] ?? 0
      const seen: number[] = []
      for (let cursor = old; cursor < posted.id; ) {
        const { json } = await list(cursor)
        seen.push(...json.messages.map(({ version }: { version: number }) => version))
        cursor = json.version
      }
      assert.deepEqual(seen, [...versions.filter(version => version > old), posted.id])
      for (const { version } of lost.filter(({ uri }) => uri === each)) {
        assert.ok(version > last)
        const answer = await list(version)
        assert.deepEqual([answer.status, answer.json.version], [410, posted.id])
      }
      assert.equal((await list(posted.id)).status, 200)
    }
  })

  it('is not made where there is no database, and neither is an epoch begun: none is created', async () => {
    for (const [script, args] of [
      ['backup', [backups]],
      ['doctor', ['new-epoch']],
    ] as const) {
      const { code, said } = await command(script, [...args])
      assert.deepEqual(
        [code, said.split('\n').at(-1)],
        [1, `There is no database in ${dataDir}. Set DATA_DIR or DATABASE_URL as for the program itself.`],
      )
    }
    assert.deepEqual(await readdir(home), [])
  })

  it('is one of several, of which the oldest are deleted @long', async () => {
    await start()
    const folders = []
    for (let n = 0; n < 3; n++) {
      const { code, said } = await command('backup', [backups, '--keep', '2'])
      assert.equal(code, 0, said)
      folders.push(/Backup made: (\S+),/.exec(said)?.[1] ?? '')
    }
    assert.deepEqual(
      (await readdir(backups)).sort(),
      folders.slice(1).map(folder => path.basename(folder)),
    )
    assert.match((await command('backup', [backups, '--keep', '0'])).said, /npm run backup/)
  })

  it('is refused where it is broken, foreign, newer or in use, and nothing is touched @long', async () => {
    const cluster = await start()
    const folder = await backedUp()
    const inUse = await command('restore', [folder])
    assert.equal(inUse.code, 1)
    assert.match(inUse.said, /a Chatire runs on/)
    await cluster.stop()
    const archive = await readFile(path.join(folder, 'base.tar.gz'))
    const about = JSON.parse(await readFile(path.join(folder, 'about.json'), 'utf8'))
    const manifest = await readFile(path.join(folder, 'backup_manifest'))
    const outside = tar.pack()
    outside.entry({ name: '../escaped' }, 'x')
    outside.finalize()
    const chunks: Buffer[] = []
    for await (const chunk of outside) chunks.push(chunk)
    const flipped = Buffer.from(archive)
    flipped.writeUInt8(flipped.readUInt8(archive.length >> 1) ^ 0xff, archive.length >> 1)

    const before = (await readdir(dataDir)).sort()
    for (const [what, file, contents, words] of [
      ['a flipped byte', 'base.tar.gz', flipped, /nothing was touched/],
      ['half of it', 'base.tar.gz', archive.subarray(0, archive.length >> 1), /nothing was touched/],
      ['no archive', 'base.tar.gz', Buffer.from('no archive'), /nothing was touched/],
      ['a file outside', 'base.tar.gz', gzipSync(Buffer.concat(chunks)), /outside of its folder/],
      [
        'a changed manifest',
        'backup_manifest',
        Buffer.from(`${manifest}`.replace('"Size": 3', '"Size": 4')),
        /manifest is damaged/,
      ],
      ['a foreign folder', 'about.json', Buffer.from('{}'), /is no backup of Chatire/],
      ['a newer one', 'about.json', Buffer.from(JSON.stringify({ ...about, migration: '999_x' })), /a newer Chatire/],
      [
        'another machine',
        'about.json',
        Buffer.from(JSON.stringify({ ...about, platform: 'sunos-x64' })),
        /of sunos-x64/,
      ],
      ['another major', 'about.json', Buffer.from(JSON.stringify({ ...about, postgres: 12 })), /of PostgreSQL 12/],
      ['another server', 'about.json', Buffer.from(JSON.stringify({ ...about, embedded: false })), /docs\/backup\.md/],
    ] as const) {
      const bad = path.join(home, 'bad')
      await cp(folder, bad, { recursive: true })
      await writeFile(path.join(bad, file), contents)
      const { code, said } = await command('restore', [bad])
      assert.equal(code, 1, what)
      assert.match(said, words, what)
      assert.deepEqual((await readdir(dataDir)).sort(), before, what)
      await rm(bad, { recursive: true })
    }
    assert.match((await command('restore', [])).said, /npm run restore/)
    assert.match((await command('restore', [folder], { DATABASE_URL: 'postgres://x/y' })).said, /DATABASE_URL/)
    assert.deepEqual(await readdir(home), ['backups', 'data'])
    assert.equal((await query(await start(), 'select 1 as one')).rows[0].one, 1)
  })

  it('is made of the server that DATABASE_URL names, by a role that may replicate @long', async () => {
    const { connection } = await start()
    const url = (user: string) => `postgres://${user}@/chatire?host=${encodeURIComponent(connection.host)}`
    const client = new pg.Client(connection)
    await client.connect()
    closing.push(() => client.end())
    await client.query('create role plain login; create role keeper login replication')
    const refused = await command('backup', [backups], { DATABASE_URL: url('plain') })
    assert.equal(refused.code, 1)
    assert.match(refused.said, /may not replicate .*REPLICATION/)
    assert.deepEqual(await readdir(backups), [])
    const { code, said } = await command('backup', [backups], { DATABASE_URL: url('keeper') })
    assert.equal(code, 0, said)
  })

  it('takes its place at the next start where restoring was cut off between the two renames', async () => {
    const cluster = await start()
    await query(cluster, 'create table marker as select 7 as n')
    await cluster.stop()
    const [name = ''] = await readdir(dataDir)
    await rename(path.join(dataDir, name), path.join(dataDir, `${name}.restored`))
    assert.equal((await query(await start(), 'select n from marker')).rows[0].n, 7)
    assert.deepEqual(await readdir(dataDir), [name])
  })

  it('and its restoring end at a signal, and leave nothing @long', async () => {
    const cluster = await start()
    const folder = await backedUp()
    await cluster.stop()
    const others = path.join(home, 'others')
    for (const [script, args, place] of [
      ['backup', [others], others],
      ['restore', [folder], dataDir],
    ] as const) {
      const entries = async () => (await readdir(place).catch(() => [])).sort()
      let before: string[] = []
      let code: number | string = 0
      // One that was done before the signal came shows nothing.
      while (code === 0) {
        before = await entries()
        const program = startProgram([`bin/${script}.js`, ...args], { DATA_DIR: dataDir })
        await until(async () => (await entries()).length > before.length)
        program.child.kill('SIGINT')
        code = (await program.ended) ?? 1
        assert.match(program.lines.join('\n'), code === 0 ? /Backup made|restored/i : /stopped by SIGINT/)
      }
      assert.equal(code, 1)
      assert.deepEqual(await entries(), before)
    }
  })

  describe('on a full disk', () => {
    let disk: string
    async function mount(this: Mocha.Context, size: string) {
      disk = path.join(home, 'disk')
      await mkdir(disk)
      const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]).then(
        () => true,
        () => false,
      )
      if (!mounted) this.skip()
      closing.push(() => run('umount', ['-l', disk]))
    }

    it('leaves nothing (needs root) @long', async function () {
      await mount.call(this, '2m')
      await start()
      const { code, said } = await command('backup', [disk])
      assert.equal(code, 1)
      assert.match(said, /is full/)
      assert.deepEqual(await readdir(disk), [])
    })

    it('leaves the data as it was when it is restored (needs root) @long', async function () {
      const cluster = await start()
      await query(cluster, 'create table marker as select 1 as n')
      const folder = await backedUp()
      await cluster.stop()
      await mount.call(this, '90m')
      dataDir = path.join(disk, 'data')
      await restored(folder)
      const { code, said } = await command('restore', [folder])
      assert.equal(code, 1)
      assert.match(said, /is full|No space left/)
      assert.equal((await readdir(dataDir)).length, 1)
      assert.equal((await query(await start(), 'select n from marker')).rows[0].n, 1)
    })
  })

  it(`is complete or not there, and the data old or new, with each killed ${KILLS}× at a random moment @long`, async function () {
    this.timeout(600_000)
    let cluster = await start()
    await query(cluster, 'create table marker as select 1 as n')
    const began = performance.now()
    await backedUp()
    const time = performance.now() - began
    for (let n = 0; n < KILLS; n++) {
      const program = startProgram(['bin/backup.js', backups], { DATA_DIR: dataDir })
      await wait(randomInt(Math.round(time * 1.2)))
      await program.kill()
      for (const name of (await readdir(backups)).filter(name => !name.includes('draft'))) {
        assert.equal((await readdir(path.join(backups, name))).length, 3)
      }
    }
    // Some were not killed in time, and with them the first has had its turn to go.
    const folder = await backedUp()
    assert.deepEqual(
      (await readdir(backups)).filter(name => name.includes('draft')),
      [],
    )
    await cluster.stop()
    const states = { old: 0, new: 0 }
    let restoring = 4000
    for (let n = 0; n <= KILLS; n++) {
      cluster = await start()
      const { rows } = await query(cluster, 'update marker set n = n returning n')
      states[rows[0].n === 1 ? 'new' : 'old']++
      await query(cluster, 'update marker set n = 2')
      await cluster.stop()
      const program = startProgram(['bin/restore.js', folder], { DATA_DIR: dataDir })
      const since = performance.now()
      if (n === 0) {
        await program.ended
        restoring = performance.now() - since
      } else if (n < KILLS) {
        await wait(randomInt(Math.round(restoring * 1.1)))
        await program.kill()
      } else {
        assert.equal(await program.ended, 0, program.lines.join('\n'))
      }
    }
    cluster = await start()
    assert.equal((await query(cluster, 'select n from marker')).rows[0].n, 1)
    assert.deepEqual(
      (await readdir(dataDir)).filter(name => /draft|restored/.test(name)),
      [],
    )
    console.log(`      after kills of restore: ${states.old} times the old data, ${states.new} times the new`)
  })
})
