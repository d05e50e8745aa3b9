import { setTimeout as sleep } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { type Starting, waiting } from '../waiting.js'
import { postmasterFile, readLockFile } from './postmaster.js'
import type { Server } from './server.js'
import { connectionTo, type Place } from './socket.js'

/** The advisory lock that a running Chatire holds in the database `postgres`: "chat" in ASCII. */
const LOCK = 0x63686174

/** For an answer, in milliseconds: a server that was stopped accepts connections and says nothing. */
const PATIENCE = 5000

/** SQLSTATE: 57 starting, recovering or shutting down, 53 no connection left, 08 connection. Waiting does not mend others. */
const PASSES = /^(57|53|08)/

/**
 * Takes the lock as soon as the server answers, and again whenever its connection is lost while the server lives.
 * Undefined when the server ends first. Throws what the server has against it.
 */
export async function holdLock(place: Place, server: Server, starting: Starting): Promise<Client | undefined> {
  const sentence = () =>
    `PostgreSQL (process ${server.pid}) does not answer yet on ${place.dir}. After a crash or a power cut it has to read again what it wrote last. If somebody stopped it, kill -CONT ${server.pid} wakes it. Its log ends: ${server.lastLine()}`
  const client = await waiting(nextLock(place, server), sentence, starting)
  client?.once('end', () => holdAgain(place, server))
  return client
}

/** Without end: a program that gives its lock up loses its server to the next that starts. */
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
    // For a moment the socket may be that of another program's server, which was quicker: only one can be in the file.
    const isOurs = readLockFile(postmasterFile(place.dir))?.pid === server.pid
    const client = isOurs ? await takeLock(place.socketDir) : undefined
    if (client) return client
    await sleep(20)
  }
  return undefined
}

/** A connection that holds the lock until it ends; undefined while another has it or the server is not open. */
export async function takeLock(socketDir: string): Promise<Client | undefined> {
  const client = await connect(socketDir)
  if (client && (await isTrue(client, `pg_try_advisory_lock(${LOCK})`))) return client
  leave(client)
  return undefined
}

/**
 * Whether no program holds the lock of a running server; undefined when the server does not answer. Does not take it, so
 * as not to be in the way of a program that has only just started this server, or has lost its connection to it.
 */
export async function lockIsFree(socketDir: string): Promise<boolean | undefined> {
  const client = await connect(socketDir)
  const held = `select from pg_locks where locktype = 'advisory' and objid = ${LOCK}`
  const free = client && (await isTrue(client, `not exists (${held})`))
  leave(client)
  return free
}

/** Undefined while the server is not open yet, or no longer. */
async function connect(socketDir: string): Promise<Client | undefined> {
  if (socketDir === '') return undefined
  const client = new Client({ ...connectionTo(socketDir, 'postgres'), connectionTimeoutMillis: PATIENCE })
  // What ends a connection shows in its 'end'; without a listener an 'error' would end the program.
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

/** Does not wait until it has ended: a server that says nothing does not say that either. */
function leave(client: Client | undefined): void {
  client?.end().catch(() => {})
}
