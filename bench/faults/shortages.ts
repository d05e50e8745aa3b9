import { execFile } from 'node:child_process'
import { statfs } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { limitFiles, mostFiles, openFiles } from './processes.js'
import type { World } from './world.js'

const run = promisify(execFile)

/** How long something is short, in milliseconds. */
const SHORT = 4000

/** How much more fits on the disk while it is short, in bytes. */
const ROOM = 1024 * 1024

/** All that PostgreSQL has left for others, those that it keeps for its superuser too. What the program has open is ended. */
export async function exhaustConnections({ database }: World) {
  const own = await database.connect()
  const clients: pg.Client[] = []
  try {
    for (;;) {
      const client = new pg.Client({ ...database.connection, connectionTimeoutMillis: 1000 })
      client.on('error', () => {})
      await client.connect()
      clients.push(client)
    }
  } catch {
    // There are no more.
  }
  await own.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire'")
  await wait(SHORT)
  await Promise.all([own, ...clients].map(client => client.end()))
  return undefined
}

export async function lacksPrlimit() {
  return run('prlimit', ['--version']).then(
    () => undefined,
    () => 'prlimit is not installed',
  )
}

/** Each process may open no more files, while connections come. */
export async function exhaustDescriptors({ program }: World) {
  const pids = program.workers()
  const limits = pids.map(mostFiles)
  for (const pid of pids) {
    limitFiles(pid, openFiles(pid) + 5)
  }
  const sockets: Socket[] = Array.from({ length: 200 }, () => connect(program.port, '127.0.0.1').on('error', () => {}))
  await wait(SHORT)
  for (const socket of sockets) {
    socket.destroy()
  }
  const alive = program.workers()
  for (const [n, pid] of pids.entries()) {
    if (alive.includes(pid)) {
      limitFiles(pid, limits[n] ?? 0)
    }
  }
  return undefined
}

export async function lacksSmallDisk({ disk }: World) {
  return disk.isSmall ? undefined : 'only root can mount a small disk to fill'
}

/** PostgreSQL cannot write its log, ends, and cannot start again until there is room. */
export async function fillDisk({ disk }: World) {
  const resize = (bytes: number) => run('mount', ['-o', `remount,size=${bytes}`, disk.path])
  const { blocks, bfree, bsize } = await statfs(disk.path)
  await resize((blocks - bfree) * bsize + ROOM)
  await wait(SHORT)
  await resize(blocks * bsize)
  return undefined
}

/** The database refuses every change. */
export async function makeReadOnly({ database }: World) {
  const set = async (value: string) => {
    await database.query(`alter database chatire set default_transaction_read_only = ${value}`)
    await database.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire'")
  }
  await set('on')
  await wait(SHORT)
  const client = await database.connect()
  await client.query('set default_transaction_read_only = off')
  await client.query('alter database chatire reset default_transaction_read_only')
  await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire'")
  await client.end()
  return undefined
}
