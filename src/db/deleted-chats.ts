import { sql } from 'kysely'
import type { Acting, Done } from './owners.js'
import type { Db } from './schema.js'

/** Deletes the chat for all its members, if `typed` is its name as pages show it. */
export async function deleteChat(db: Db, { chat_id, user_id }: Acting, typed: string): Promise<Done> {
  const { rows } = await sql<Done>`select outcome, version from delete_chat(${chat_id}, ${user_id}, ${typed})`.execute(
    db,
  )
  return rows[0] as Done
}

/** The same for an operator, whoever owns it. Does nothing where the chat is deleted already. */
export async function eraseChat(db: Db, chat_id: number) {
  await db.transaction().execute(async trx => {
    const chat = await trx
      .selectFrom('chats')
      .select('id')
      .where('id', '=', chat_id)
      .where('deleted_at', 'is', null)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (chat) {
      await sql`select erase_chat(${chat.id})`.execute(trx)
    }
  })
}

/** The tables with rows of a chat, in the order in which they are deleted, and their keys. Rows of an event go with the event. */
const PARTS = { events: 'version', bans: 'user_id', members: 'user_id' } as const

/** Deletes some rows of a deleted chat, `batch` at most. Returns whether there may be more to delete. */
export function deleteSomeRows(db: Db, batch: number): Promise<boolean> {
  return db.transaction().execute(async trx => {
    // A chat that another process is deleting is skipped.
    const chat = await trx
      .selectFrom('chats')
      .select('id')
      .where('deleted_at', 'is not', null)
      .orderBy('id')
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst()
    if (!chat) {
      return false
    }
    for (const [part, key] of Object.entries(PARTS)) {
      const own = part === 'members' ? await ownAmong(trx, chat.id, batch) : []
      const [table, column] = [sql.table(part), sql.id(key)]
      const { numAffectedRows } = await sql`
        delete from ${table} where chat_id = ${chat.id} and ${column} in (
          select ${column} from ${table} where chat_id = ${chat.id} order by ${column} limit ${batch}
        )`.execute(trx)
      if (numAffectedRows) {
        if (own.length > 0) {
          await trx.deleteFrom('users').where('id', 'in', own).execute()
        }
        return true
      }
    }
    await trx.deleteFrom('chats').where('id', '=', chat.id).execute()
    return true
  })
}

/** Those of the chat's next members who are deleted with it, as they were made for it alone. */
async function ownAmong(trx: Db, chat_id: number, batch: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select u.id from (
      select user_id from members where chat_id = ${chat_id} order by user_id limit ${batch}
    ) m
    join users u on u.id = m.user_id and u.kind in ('bot', 'imported')`.execute(trx)
  return rows.map(({ id }) => id)
}
