import { isIP } from 'node:net'
import type { Address } from '../../src/db/connection.js'

const NEEDS =
  'The judge posts, edits and deletes without end, and reads the database. It needs a Chatire that was started for it on this machine (http://127.0.0.1, LIMITS=off) and its PostgreSQL on a socket or on 127.0.0.1: npm run faults starts both.'

/** Throws for a site or a database that is not on this machine, or could be another one tomorrow, as names are. */
export function requireLoopback(url: string, database: Address) {
  const site = URL.canParse(url) ? new URL(url) : undefined
  if (site?.protocol !== 'http:' || !isLoopback(site.hostname.replace(/^\[|\]$/g, ''))) {
    throw new Error(`${url} is not on this machine. ${NEEDS}`)
  }
  const place = 'host' in database ? database.host : hostOf(database.connectionString)
  if (!place.startsWith('/') && !isLoopback(place)) {
    throw new Error(`The database at ${place} is not on this machine. ${NEEDS}`)
  }
}

function hostOf(connectionString: string): string {
  const [, inQuery] = /[?&]host=([^&]+)/.exec(connectionString) ?? []
  return inQuery ? decodeURIComponent(inQuery) : new URL(connectionString).hostname.replace(/^\[|\]$/g, '')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
