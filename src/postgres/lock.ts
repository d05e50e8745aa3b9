import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { postmasterFile, readLockFile } from './postmaster.js'
import type { Server } from './server.js'
import { connectionTo, type Place } from './socket.js'

/** The advisory lock that a running Chatire holds in the database `postgres`: "chat" in ASCII. */
const LOCK = 0x63686174

/**
 * Takes the lock as soon as the server answers, and again whenever its connection is lost while the server lives.
 * Undefined when the server ends first.
 */
export async function holdLock(place: Place, server: Server): Promise<Client | undefined> {
  while (!server.hasEnded()) {
    // For a moment the socket may be that of another program's server, which was quicker: only one can be in the file.
    const isOurs = readLockFile(postmasterFile(place.dir))?.pid === server.pid
    const client = isOurs ? await takeLock(place.socketDir) : undefined
    if (client) {
      client.once('end', () => holdLock(place, server).catch(() => undefined))
      return client
    }
    await sleep(20)
  }
  return undefined
}

/** A connection that holds the lock until it ends; undefined while another has it or the server is not open. */
export async function takeLock(socketDir: string): Promise<Client | undefined> {
  const client = await connect(socketDir)
  if (!client || (await isTrue(client, `pg_try_advisory_lock(${LOCK})`))) return client
  await client.end()
  return undefined
}

/**
 * Whether no program holds the lock of a running server. Does not take it, so as not to be in the way of a program that
 * has only just started this server, or has lost its connection to it.
 */
export async function lockIsFree(socketDir: string): Promise<boolean> {
  const client = await connect(socketDir)
  if (!client) return false
  const free = await isTrue(client, `not exists (select from pg_locks where locktype = 'advisory' and objid = ${LOCK})`)
  await client.end()
  return free
}

/** Undefined while the server is not open yet, or no longer. */
async function connect(socketDir: string): Promise<Client | undefined> {
  if (socketDir === '') return undefined
  const client = new Client({ ...connectionTo(socketDir, 'postgres'), connectionTimeoutMillis: 5000 })
  // What ends a connection shows in its 'end'; without a listener an 'error' would end the program.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    client.end().catch(() => {})
    // No such user, no such database: waiting does not mend these.
    if (error instanceof DatabaseError && /^(28|3D)/.test(error.code ?? '')) throw error
    return undefined
  }
}

async function isTrue(client: Client, expression: string): Promise<boolean> {
  return client.query(`select ${expression} as answer`).then(
    ({ rows }) => rows[0].answer,
    () => false,
  )
}
