import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'

const endsAt = sql<Date>`(tickets.created_at + ${sql.lit(`${LIMITS.ticketSeconds} seconds`)}::interval)`

/** What a ticket stands for: a token, by its hash, in pages of that origin. */
interface Ticket {
  ticket_hash: Buffer
  token_hash: Buffer
  origin: string
}

/** Returns until when it can be used. */
export async function createTicket(db: Db, ticket: Ticket): Promise<Date> {
  const { ends_at } = await db
    .insertInto('tickets')
    .values(ticket)
    .returning(endsAt.as('ends_at'))
    .executeTakeFirstOrThrow()
  return ends_at
}

/**
 * Uses the ticket up, whatever comes of it, so that it counts once in all processes. The hash of the token that it was made with; undefined
 * where it is too old, or for pages of another origin.
 */
export async function redeemTicket(db: Db, ticket_hash: Buffer, origin: string): Promise<Buffer | undefined> {
  const used = await db
    .deleteFrom('tickets')
    .where('ticket_hash', '=', ticket_hash)
    .returning(['token_hash', 'origin', sql<boolean>`${endsAt} > now()`.as('alive')])
    .executeTakeFirst()
  return used?.alive && used.origin === origin ? used.token_hash : undefined
}

export async function deleteEndedTickets(db: Db) {
  await db.deleteFrom('tickets').where(sql<boolean>`${endsAt} <= now()`).execute()
}
