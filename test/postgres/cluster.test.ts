import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { type Cluster, type ClusterOptions, findCluster, startCluster } from '../../src/postgres/cluster.js'
import { postmasterFile } from '../../src/postgres/postmaster.js'
import { type Connection, socketLockFile } from '../../src/postgres/socket.js'
import { PATIENCE } from '../support/patience.js'
import { copyApp } from './app.js'

const SYSTEM = '/usr/lib/postgresql'
const AS_DAEMON = ['setpriv', '--reuid=1', '--regid=1', '--clear-groups']
const isRoot = process.getuid?.() === 0
const PROGRAM = fileURLToPath(new URL('program.js', import.meta.url))
const run = promisify(execFile)

/** Everything lives below this directory, which takes the place of the system's temporary one. */
let root = ''
/** Every test may use this, for every test leaves it intact. */
let dataDir = ''
const ending: (() => Promise<unknown>)[] = []

describe('startCluster', () => {
  const usualTmp = process.env.TMPDIR

  before(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'chatire-')))
    await chmod(root, 0o1777)
    process.env.TMPDIR = root
    dataDir = join(root, 'not there yet', 'data')
  })

  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end()
    for (const pid of await serversUnder(root)) process.kill(pid, 'SIGINT')
    await until('every server has ended', async () => (await serversUnder(root)).length === 0)
  })

  after(async () => {
    if (usualTmp === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usualTmp
    await rm(root, { recursive: true, force: true })
  })

  it('creates the database at the first start and says so', async () => {
    const said: string[] = []
    const { connection } = await start(dataDir, { say: sentence => said.push(sentence) })
    const [name = ''] = await readdir(dataDir)
    const dir = join(dataDir, name)
    assert.match(name, /^postgres-\d+$/)
    assert.deepEqual(said, [`Creating a database in ${dir}`])
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700)
    assert.equal((await stat(dir)).mode & 0o777, 0o700)
    assert.equal((await stat(connection.host)).mode & 0o777, 0o700)
    const settings = await query(
      connection,
      `select current_user, current_database(), datlocprovider as provider, datlocale as locale,
         current_setting('server_encoding') as encoding, current_setting('listen_addresses') as tcp,
         current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
         current_setting('full_page_writes') as full_page_writes, current_setting('max_connections') as max_connections
       from pg_database where datname = current_database()`,
    )
    assert.deepEqual(settings, [
      {
        current_user: 'chatire',
        current_database: 'chatire',
        provider: 'b',
        locale: 'C.UTF-8',
        encoding: 'UTF8',
        tcp: '',
        fsync: 'on',
        synchronous_commit: 'on',
        full_page_writes: 'on',
        max_connections: '100',
      },
    ])
  })

  it('starts again at once, keeps what was written and writes nothing to the terminal', async () => {
    await (await start(dataDir)).stop()
    const before = performance.now()
    const program = launch(dataDir)
    await query(await program.next('connection'), 'create table kept ()')
    const took = performance.now() - before
    await program.end('SIGTERM')
    assert.equal(program.stderr, '')
    assert.deepEqual(program.lines.map(Object.keys), [['connection']])
    console.log(`      started again in ${took.toFixed(0)} ms`)
    assert.deepEqual(await query((await start(dataDir)).connection, 'select from kept'), [])
  })

  it('begins again after it was killed while creating the database @long', async () => {
    const dataDir = join(root, 'interrupted')
    const program = launch(dataDir)
    await program.next('said')
    await until('initdb has begun', async () => (await readdir(dataDir)).length > 0)
    await program.end()
    const { connection } = await start(dataDir)
    assert.deepEqual(await query(connection, 'select 1 as one'), [{ one: 1 }])
    assert.deepEqual(await readdir(dataDir), [basename(dirOf(dataDir))])
  })

  it('works below a long path with spaces and letters beyond ASCII @long', async () => {
    const part = 'ein längerer Name für ein Verzeichnis, wie ihn niemand braucht'
    const { connection } = await start(join(root, part, part, part, part))
    assert.deepEqual(await query(connection, 'select 1 as one'), [{ one: 1 }])
  })

  it('refuses a socket directory that is not private to this account', async () => {
    const cluster = await start(dataDir)
    const socketDir = cluster.connection.host
    await cluster.stop()
    ending.push(() => rm(socketDir, { recursive: true, force: true }))
    const refusal = { message: new RegExp(`^${socketDir} is not a private directory`) }

    await makeSocketDir(socketDir, 0o755)
    await assert.rejects(start(dataDir), refusal)
    await rename(socketDir, `${socketDir}-moved`)
    await chmod(`${socketDir}-moved`, 0o700)
    await symlink(`${socketDir}-moved`, socketDir)
    await assert.rejects(start(dataDir), refusal)
    await rm(socketDir)
    if (isRoot) {
      await mkdir(socketDir, { mode: 0o700 })
      await chown(socketDir, 65534, 65534)
      await assert.rejects(start(dataDir), refusal)
    }
  })

  it('stops cleanly, also twice and with sessions open', async () => {
    const cluster = await start(dataDir)
    const client = new Client(cluster.connection)
    client.on('error', () => {})
    await client.connect()
    await Promise.all([cluster.stop(), cluster.stop()])
    await cluster.stop()
    assert.deepEqual(await serversUnder(dataDir), [])
    assert.equal(existsSync(cluster.connection.host), false)
    assert.equal(existsSync(postmasterFile(dirOf(dataDir))), false)
  })

  it('quotes the server when that cannot start', async () => {
    await (await start(dataDir)).stop()
    const auto = join(dirOf(dataDir), 'postgresql.auto.conf')
    await writeFile(auto, 'chattiness = 11\n')
    ending.push(() => writeFile(auto, ''))
    await assert.rejects(start(dataDir), { message: /did not start in .*DATABASE_URL.*"chattiness"/s })
  })

  it('says when the server dies, and starts again at once without loss', async () => {
    const cluster = await start(dataDir)
    await query(cluster.connection, 'create table thousand as select generate_series(1, 1000) as id')
    // A session that computes does not notice, and for a while keeps a new server from starting.
    const computing = query(cluster.connection, 'do $$ begin for i in 1..30000000 loop end loop; end $$')
    await until('it computes', async () => {
      const sessions = await query(
        cluster.connection,
        "select from pg_stat_activity where query like 'do $$ begin for%'",
      )
      return sessions.length > 0
    })
    process.kill(pidOn(dataDir), 'SIGKILL')
    assert.match(await cluster.died, /^PostgreSQL ended by itself \(SIGKILL\)/)
    await cluster.stop()
    const { connection } = await start(dataDir)
    await computing.catch(() => undefined)
    assert.deepEqual(await query(connection, 'select count(*)::int from thousand'), [{ count: 1000 }])
  })

  it('is not kept from starting by lock files that a crash has left @long', async () => {
    const cluster = await start(dataDir)
    const files = [postmasterFile(dirOf(dataDir)), socketLockFile(cluster.connection.host)]
    const contents = files.map(file => readFileSync(file, 'utf8'))
    await cluster.stop()

    const foreign = spawn('sleep', ['600'])
    ending.push(async () => foreign.kill())
    await makeSocketDir(cluster.connection.host, 0o700)
    for (const [n, file] of files.entries())
      await writeFile(file, contents[n]?.replace(/^\d+/, String(foreign.pid)) ?? '')
    await (await start(dataDir, { waitSeconds: 2 })).stop()

    await makeSocketDir(cluster.connection.host, 0o700)
    for (const file of files) await writeFile(file, '')
    await (await start(dataDir, { waitSeconds: 5 })).stop()
  })

  it('loses nothing acknowledged when the program is killed', async () => {
    const program = launch(dataDir, { task: 'insert' })
    await until('200 rows are in', () => program.lines.length > 200)
    program.child.kill('SIGKILL')
    await program.ended
    const { connection, stop } = await start(dataDir)
    assert.deepEqual(await serversUnder(dataDir), [pidOn(dataDir)])
    const rows = await query(connection, 'select id from rows')
    const kept = new Set(rows.map(({ id }) => id))
    const acknowledged = program.lines.filter(line => 'row' in line).map(line => line.row)
    assert.deepEqual(
      acknowledged.filter(id => !kept.has(id)),
      [],
    )
    await stop()
    assert.deepEqual(await serversUnder(dataDir), [])
  })

  it('leaves no server behind when the program is killed, where util-linux is there', async function () {
    if (!(await succeeds(['setpriv', '--pdeathsig', 'INT', 'true']))) skip(this, 'no setpriv here')
    const program = launch(dataDir)
    await program.next('connection')
    program.child.kill('SIGKILL')
    await until('the server has ended', async () => (await serversUnder(dataDir)).length === 0)
  })

  it('ends the server of a killed program where nothing else did, and starts its own @long', async () => {
    const program = launch(dataDir, { env: { PATH: await pathOf('unshare', 'test', 'mkdir') } })
    await query(await program.next('connection'), 'create table orphaned ()')
    const orphan = pidOn(dataDir)
    program.child.kill('SIGKILL')
    await program.ended
    const { connection } = await start(dataDir)
    assert.notEqual(pidOn(dataDir), orphan)
    assert.deepEqual(await serversUnder(dataDir), [pidOn(dataDir)])
    assert.deepEqual(await query(connection, 'select from orphaned'), [])
  })

  it('refuses a directory in use, whatever its path is written like, and leaves the first alone @long', async () => {
    const first = await start(dataDir)
    const client = new Client(first.connection)
    client.on('error', () => {})
    await client.connect()
    const pid = pidOn(dataDir)
    await symlink(dataDir, `${dataDir}-link`)
    await assert.rejects(start(`${dataDir}-link`, { waitSeconds: 1.5 }), {
      message: new RegExp(
        `^Another Chatire is already running on ${dirOf(dataDir)} \\(its PostgreSQL is process ${pid}`,
      ),
    })
    assert.deepEqual((await client.query('select 1 as one')).rows, [{ one: 1 }])
    await client.end()
    assert.deepEqual(await serversUnder(dataDir), [pid])
    assert.equal(pidOn(dataDir), pid)
  })

  it('keeps the directory when the connection that marks it as used breaks @long', async () => {
    const { connection } = await start(dataDir)
    const holder = "select pid from pg_locks where locktype = 'advisory'"
    const [first] = await query(connection, holder)
    await query(connection, `select pg_terminate_backend(${first?.pid})`)
    await until('another connection has the lock', async () => {
      const [next] = await query(connection, holder)
      return next !== undefined && next.pid !== first?.pid
    })
    await assert.rejects(start(dataDir, { waitSeconds: 1.5 }), { message: /^Another Chatire/ })
    assert.deepEqual(await query(connection, 'select 1 as one'), [{ one: 1 }])
  })

  it('is found by other programs while it runs', async () => {
    const cluster = await start(dataDir)
    assert.deepEqual(await findCluster(dataDir), cluster.connection)
    await cluster.stop()
    assert.equal(await findCluster(dataDir), undefined)
    assert.equal(await findCluster(join(root, 'nowhere')), undefined)
  })

  it('takes over when the first program ends meanwhile @long', async () => {
    const first = launch(dataDir)
    await first.next('connection')
    const second = launch(dataDir)
    assert.match(await second.next('said'), /^Waiting/)
    await first.end('SIGTERM')
    assert.deepEqual(await query(await second.next('connection'), 'select 1 as one'), [{ one: 1 }])
  })

  it('lets one of two win that start at the same time in an empty directory @long', async () => {
    const dataDir = join(root, 'contested')
    const both = [1, 2].map(() => launch(dataDir, { options: { waitSeconds: 1.5 } }))
    const outcomes = await Promise.allSettled(both.map(program => program.next('connection')))
    const [connection, ...others] = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const failures = both.flatMap(program => program.lines.flatMap(line => line.failed ?? []))
    assert.ok(connection && others.length === 0)
    assert.match(failures.join(), /^Another Chatire is already running/)
    assert.deepEqual(await query(connection, 'select 1 as one'), [{ one: 1 }])
    assert.deepEqual(await readdir(dataDir), [basename(dirOf(dataDir))])
    assert.deepEqual(await serversUnder(dataDir), [pidOn(dataDir)])
  })

  it('is not stopped by Ctrl-C in the terminal of the program @long', async () => {
    const program = launch(dataDir, { detached: true })
    const connection = await program.next('connection')
    process.kill(-(program.child.pid ?? 0), 'SIGINT')
    await program.next('interrupted')
    assert.deepEqual(await query(connection, 'select 1 as one'), [{ one: 1 }])
  })

  it('makes the links to the libraries when npm was not allowed to @long', async () => {
    const app = await copyApp(join(root, 'app'))
    const program = launch(dataDir, { file: app.program })
    await program.next('connection')
    for (const link of app.links) assert.ok(existsSync(link), link)
  })

  it('works as an ordinary user who cannot write to node_modules @long', async function () {
    const app = await copyApp(join(root, 'app'))
    const folders = new Set(app.links.map(link => dirname(link)))
    for (const link of app.links) await rm(link, { force: true })
    for (const folder of folders) await chmod(folder, 0o555)
    ending.push(() => Promise.all([...folders].map(folder => chmod(folder, 0o755))))
    const command = isRoot ? [...AS_DAEMON, process.execPath] : [process.execPath]
    if (!(await succeeds([...command, '--version']))) skip(this, 'no other account can run Node here')

    const dataDir = join(root, 'of daemon')
    const program = launch(dataDir, { file: app.program, command })
    await query(await program.next('connection'), 'create table kept ()')
    assert.ok(existsSync(join(dataDir, 'postgres-libraries')))
    await program.end('SIGTERM')
    if (!isRoot) return
    assert.equal((await stat(dirOf(dataDir))).uid, 1)

    // Root must leave the files to their owner, who could not start on them again otherwise.
    for (const command of [[process.execPath], [...AS_DAEMON, process.execPath]]) {
      const again = launch(dataDir, { file: app.program, command })
      await query(await again.next('connection'), 'select from kept')
      await again.end('SIGTERM')
    }
  })

  it('runs as another account when root has no user namespaces @long', async function () {
    if (!isRoot) skip(this, 'only root can try')
    const { program: file } = await copyApp(join(root, 'app'))
    const env = { PATH: await pathOf('setpriv', 'true', 'test', 'mkdir') }
    const dataDir = join(root, 'of root')
    for (const time of ['first', 'second']) {
      const program = launch(dataDir, { file, env })
      await query(await program.next('connection'), 'select 1')
      assert.notEqual((await stat(dirOf(dataDir))).uid, 0, time)
      await program.end('SIGTERM')
    }

    const closed = join(root, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const program = launch(join(closed, 'data'), { file, env })
    assert.match(await program.next('failed'), /^PostgreSQL refuses to run as root, .*DATABASE_URL/)
  })

  it('says what to do when there is no PostgreSQL, or none that runs here', async function () {
    const hide = ['unshare', '--mount', 'sh', '-c', `mount -t tmpfs none ${SYSTEM} && exec "$@"`, 'sh']
    const command = existsSync(SYSTEM) ? [...hide, process.execPath] : [process.execPath]
    if (!(await succeeds([...command, '--version']))) skip(this, 'only root can hide the PostgreSQL of the system')
    const sentences = {
      none: /^No PostgreSQL .*DATABASE_URL/,
      foreign: /^No PostgreSQL .*DATABASE_URL.*ENOENT/,
    } as const
    for (const postgres of ['none', 'foreign'] as const) {
      const { program: file } = await copyApp(join(root, postgres), postgres)
      const program = launch(join(root, 'without'), { file, command })
      assert.match(await program.next('failed'), sentences[postgres])
    }
  })

  it('says which PostgreSQL the data needs', async () => {
    const dataDir = join(root, 'old')
    await mkdir(join(dataDir, 'postgres-9'), { recursive: true })
    await writeFile(join(dataDir, 'postgres-9', 'PG_VERSION'), '9\n')
    await assert.rejects(start(dataDir), { message: /needs PostgreSQL 9, .*DATABASE_URL/ })
  })

  it("uses the system's PostgreSQL, and goes on with it @long", async function () {
    if (!existsSync(SYSTEM)) skip(this, 'there is none')
    const dataDir = join(root, 'of the system')
    const system = await start(dataDir, { binaries: 'system' })
    const [settings] = await query(
      system.connection,
      `select datcollate, datctype, current_setting('server_encoding') as encoding,
         current_setting('server_version_num')::int / 10000 as major from pg_database where datname = current_database()`,
    )
    const { major, ...rest } = settings ?? {}
    if (Number(major) < 17) assert.deepEqual(rest, { datcollate: 'C.UTF-8', datctype: 'C.UTF-8', encoding: 'UTF8' })
    await system.stop()
    const { connection } = await start(dataDir)
    const version = "select current_setting('server_version_num')::int / 10000 as major"
    assert.deepEqual(await query(connection, version), [{ major }])
  })
})

async function start(
  dataDir: string,
  { say = () => {}, ...options }: ClusterOptions & { say?: (sentence: string) => void } = {},
): Promise<Cluster> {
  const cluster = await startCluster(dataDir, say, options)
  ending.push(cluster.stop)
  return cluster
}

/** What test/postgres/program.ts tells; one of these at a time. */
interface Line {
  said?: string
  connection?: Connection
  interrupted?: true
  row?: number
  failed?: string
}

interface Program {
  child: ChildProcess
  lines: Line[]
  stderr: string
  ended: Promise<unknown>
  /** The first thing it tells under this key. */
  next<Key extends keyof Line>(key: Key): Promise<NonNullable<Line[Key]>>
  end(signal?: NodeJS.Signals): Promise<unknown>
}

interface Launch {
  options?: ClusterOptions
  task?: 'insert'
  command?: string[]
  file?: string
  env?: NodeJS.ProcessEnv
  detached?: boolean
}

function launch(dataDir: string, { options = {}, task, command, file, env, detached = false }: Launch = {}): Program {
  const [first = process.execPath, ...rest] = command ?? []
  const args = [...rest, file ?? PROGRAM, dataDir, JSON.stringify(options), ...(task ? [task] : [])]
  const child = spawn(first, args, { env: { ...process.env, ...env }, detached, cwd: '/' })
  const program: Program = {
    child,
    lines: [],
    stderr: '',
    ended: new Promise(resolve => child.once('close', resolve)),
    async next(key) {
      for (;;) {
        const found = program.lines.find(line => key in line)?.[key]
        if (found) return found
        assert.ok(child.exitCode === null, `the program ended without telling ${key}: ${JSON.stringify(program.lines)}`)
        await sleep(10)
      }
    },
    end(signal = 'SIGKILL') {
      child.kill(signal)
      return program.ended
    },
  }
  createInterface(child.stdout).on('line', line => program.lines.push(JSON.parse(line)))
  child.stderr.on('data', text => {
    program.stderr += text
  })
  ending.push(program.end)
  return program
}

async function query(connection: Connection, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(connection)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** As PostgreSQL's account, whichever that is, would have it. */
async function makeSocketDir(path: string, mode: number): Promise<void> {
  const { uid, gid } = await stat(dirOf(dataDir))
  await mkdir(path, { mode })
  await chown(path, uid, gid)
}

/** The directory of PostgreSQL's files in this data directory. */
function dirOf(dataDir: string): string {
  const name = readdirSync(dataDir).find(name => /^postgres-\d+$/.test(name))
  return join(dataDir, name ?? '')
}

function pidOn(dataDir: string): number {
  return Number.parseInt(readFileSync(postmasterFile(dirOf(dataDir)), 'utf8'), 10)
}

/** The processes at the head of all servers with files below `path`. */
async function serversUnder(path: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-axww', '-o', 'pid=,command='])
  const lines = stdout.split('\n').filter(line => line.includes(`/postgres -D ${path}/`))
  return lines.map(line => Number.parseInt(line, 10))
}

/** A PATH with only these of the system's programs, as far as it has them. */
async function pathOf(...names: string[]): Promise<string> {
  const bin = await mkdtemp(join(root, 'bin-'))
  await chmod(bin, 0o755)
  for (const name of names) {
    const found = (process.env.PATH ?? '')
      .split(delimiter)
      .map(dir => join(dir, name))
      .find(existsSync)
    if (found) await symlink(found, join(bin, name))
  }
  return bin
}

async function succeeds([command = '', ...args]: string[]): Promise<boolean> {
  return run(command, args, { cwd: '/' }).then(
    () => true,
    () => false,
  )
}

function skip(context: Mocha.Context, why: string): void {
  if (context.test) context.test.title += ` (${why})`
  context.skip()
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`)
    await sleep(10)
  }
}
