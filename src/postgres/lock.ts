import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { type Starting, waiting } from '../waiting.js'
import { postmasterFile, readLockFile } from './postmaster.js'
import type { Server } from './server.js'
import { connectionTo, type Place } from './socket.js'

/** The advisory lock that a running Chatire holds in the database `postgres`: "chat" in ASCII. */
const LOCK = 0x63686174

/** How long to wait for an answer, in milliseconds: a stopped server (SIGSTOP) accepts connections and does not answer. */
const PATIENCE = 5000

/** SQLSTATEs that pass by waiting: 57 starting, recovering or shutting down, 53 no connection left, 08 connection. */
const PASSES = /^(57|53|08)/

/**
 * Takes the lock as soon as the server answers, and takes it again each time its connection is lost while the server lives. Undefined if
 * the server ends first. Throws the server's error if it refuses the connection for good.
 */
export async function holdLock(place: Place, server: Server, starting: Starting): Promise<Client | undefined> {
  const sentence = () =>
    `PostgreSQL (process ${server.pid}) does not answer yet on ${place.dir}. After a crash or a power cut it has to read again what it wrote last. If somebody stopped it, kill -CONT ${server.pid} wakes it. Its log ends: ${server.lastLine()}`
  const client = await waiting(nextLock(place, server), sentence, starting)
  client?.once('end', () => holdAgain(place, server))
  return client
}

/** Never gives up, as the next program that starts would stop a server without a holder of the lock. */
async function holdAgain(place: Place, server: Server): Promise<void> {
  while (!server.hasEnded()) {
    const client = await nextLock(place, server).catch(() => undefined)
    if (client) {
      client.once('end', () => holdAgain(place, server))
      return
    }
    await sleep(1000)
  }
}

async function nextLock(place: Place, server: Server): Promise<Client | undefined> {
  while (!server.hasEnded()) {
    // For a moment the socket may belong to the server of another program that was quicker. Only one of them is in the file.
    const isOurs = readLockFile(postmasterFile(place.dir))?.pid === server.pid
    const client = isOurs ? await takeLock(place.socketDir) : undefined
    if (client) return client
    await sleep(20)
  }
  return undefined
}

/** A connection that holds the lock until it ends. Undefined while another program holds it or the server is not open. */
export async function takeLock(socketDir: string): Promise<Client | undefined> {
  const client = await connect(socketDir)
  if (client && (await isTrue(client, `pg_try_advisory_lock(${LOCK})`))) return client
  leave(client)
  return undefined
}

/**
 * Whether no program holds the lock of a running server; undefined if the server does not answer. It does not take the lock: the program
 * that has just started this server, or has lost its connection, must be able to take it.
 */
export async function lockIsFree(socketDir: string): Promise<boolean | undefined> {
  const client = await connect(socketDir)
  const held = `select from pg_locks where locktype = 'advisory' and objid = ${LOCK}`
  const free = client && (await isTrue(client, `not exists (${held})`))
  leave(client)
  return free
}

/** Undefined if the server is not open yet, or not any more. */
async function connect(socketDir: string): Promise<Client | undefined> {
  if (socketDir === '') return undefined
  const client = new Client({ ...connectionTo(socketDir, 'postgres'), connectionTimeoutMillis: PATIENCE })
  // The end of a connection is noticed by its 'end'. Without this listener an 'error' would end the program.
  client.on('error', () => {})
  return client.connect().then(
    () => client,
    error => failed(client, error),
  )
}

async function isTrue(client: Client, expression: string): Promise<boolean | undefined> {
  const query = { text: `select ${expression} as answer`, query_timeout: PATIENCE }
  return client.query(query).then(
    ({ rows }) => rows[0].answer,
    error => failed(client, error),
  )
}

function failed(client: Client, error: unknown): undefined {
  leave(client)
  if (error instanceof DatabaseError && !PASSES.test(error.code ?? '')) throw error
}

/** Does not wait for the end of the connection, as a server that does not answer does not confirm that either. */
function leave(client: Client | undefined): void {
  client?.end().catch(() => {})
}
