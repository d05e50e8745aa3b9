// npm run bench -- upgrade [messages] [commit]: upgrades a database of an earlier commit (ed03e3a) with so many messages (a million), while that commit's
// program goes on posting. Two upgrades begin at once, one is killed while it builds the index, a dump is in progress, and the old program is started meanwhile.
// The program of b5c5ef1 cannot go on, so nothing is posted then. Prints how long posts waited. Fails if a post was refused or lost.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startCluster } from '../src/postgres/cluster.js'
import { checkOut } from './earlier.js'

const COUNT = Number(process.argv[2] ?? 1_000_000)
const COMMIT = process.argv[3] ?? 'ed03e3a'
const CHATS = 20
const POSTS = COMMIT !== 'b5c5ef1'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-upgrade-'))
const before = path.join(folder, COMMIT)
const cluster = await startCluster(folder, () => {})
const children: ChildProcess[] = []
/** The upgrade that has the lock. */
let working: ChildProcess | undefined
try {
  const client = await open(cluster.connection, 'create')
  await client.query('create database chats')
  await client.end()
  await checkOut(COMMIT, before)
  await compile()
  const address = { ...cluster.connection, database: 'chats' }
  await run('migrating as of then', program('migrate', address))
  await fill(address)
  const poster = POSTS ? start('posts', program('post', address)) : undefined
  await wait(3_000)
  const begun = performance.now()
  const dump = await open(address, 'pg_dump')
  await dump.query('begin isolation level repeatable read read only')
  await dump.query('lock table events, users, chats, members, links in access share mode')
  const first = start('upgrade 1', upgrade(address))
  const second = start('upgrade 2', upgrade(address))
  await wait(8_000)
  await dump.query('commit')
  await dump.end()
  await building(address)
  console.log('kills an upgrade in the middle of the build')
  const url = `postgres://${address.user}@/chats?host=${encodeURIComponent(address.host)}`
  const starting = start(
    'the program of then, started',
    spawn(process.execPath, [path.join(before, 'bin/start.js')], {
      env: { ...process.env, DATABASE_URL: url, PORT: '0' },
    }),
  )
  working?.kill('SIGKILL')
  const [one, two, three] = await Promise.all([ended(first), ended(second), ended(starting)])
  console.log(`the upgrades ended with ${one} and ${two}, the program of then with ${three}, after ${seconds(begun)} s`)
  await run('upgrade 3', upgrade(address))
  console.log(`Upgraded ${COUNT} messages of ${COMMIT} in ${seconds(begun)} s`)
  if (poster) {
    poster.kill('SIGTERM')
    process.exitCode = (await ended(poster)) === 0 ? 0 : 1
  }
} finally {
  for (const child of children) {
    child.kill('SIGKILL')
  }
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}

async function compile() {
  // One package of b5c5ef1 is not among today's packages, and not needed here.
  await ended(spawn(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc')], { cwd: before }))
  execFileSync('touch', [path.join(before, 'dist/built')])
}

function program(what: 'migrate' | 'post', address: object) {
  return spawn(process.execPath, [
    fileURLToPath(new URL('./program-of-then.js', import.meta.url)),
    what,
    before,
    JSON.stringify(address),
  ])
}

function upgrade(address: object) {
  return spawn(process.execPath, [
    fileURLToPath(new URL('../test/db/upgrade-program.js', import.meta.url)),
    JSON.stringify(address),
  ])
}

/** Shows what the program prints, each line with the program's name. */
function start(name: string, child: ChildProcess): ChildProcess {
  children.push(child)
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      for (const line of String(chunk).trimEnd().split('\n')) {
        console.log(`  ${name}: ${line}`)
        if (line.endsWith('applied')) {
          working = child
        }
      }
    })
  }
  return child
}

async function run(name: string, child: ChildProcess) {
  const how = await ended(start(name, child))
  if (how !== 0) {
    throw new Error(`${name} ended with ${how}`)
  }
}

async function ended(child: ChildProcess): Promise<unknown> {
  const [code, signal] =
    child.exitCode === null && child.signalCode === null
      ? await once(child, 'exit')
      : [child.exitCode, child.signalCode]
  return signal ?? code
}

async function open(address: object, application_name: string): Promise<pg.Client> {
  const opened = new pg.Client({ ...address, application_name })
  // After a failure the server is stopped while the connection is open.
  opened.on('error', () => {})
  await opened.connect()
  return opened
}

/** Drops the commit's index first, so that the upgrade has to build it and has the most to do. */
async function fill(address: object) {
  const sql = await open(address, 'fill')
  await sql.query('drop index if exists events_search')
  // b5c5ef1 had no names besides usernames.
  const names = POSTS ? ', name, folded_name' : ''
  await sql.query(`
    insert into users (username, folded_username, password_hash${names})
      select 'u' || i, 'u' || i, 'x'${names.replace(/\w+/g, "'u' || i")} from generate_series(1, ${CHATS}) i`)
  await sql.query(`
    insert into chats (owner_id) select i from generate_series(1, ${CHATS}) i;
    insert into links (uri, chat_id) select rpad('uri' || i || '_', 22, 'x'), i from generate_series(1, ${CHATS}) i;
    insert into members (chat_id, user_id, name, folded_name) select i, i, 'u' || i, 'u' || i from generate_series(1, ${CHATS}) i;
    insert into events (chat_id, version, kind, author_id, text, created_at)
      select 1 + i % ${CHATS}, 1 + i / ${CHATS}, 'message', 1 + i % ${CHATS},
        (select string_agg(substr(md5((i * 31 + w)::text), 1, 3 + w % 5), ' ') from generate_series(1, 12) w), now()
      from generate_series(0, ${COUNT - 1}) i;
    update chats set version = v, last_message = v, member_count = 1
      from (select chat_id, max(version) as v from events group by 1) e where e.chat_id = chats.id;
    do $$ begin update chats set last_shown = version; exception when undefined_column then null; end $$;
    analyze`)
  await sql.end()
}

async function building(address: object) {
  const sql = await open(address, 'watch')
  for (;;) {
    const { rows } = await sql.query("select 1 from pg_stat_progress_create_index where phase like 'building%'")
    if (rows.length > 0) {
      break
    }
    await wait(100)
  }
  await sql.end()
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 1000)
}
