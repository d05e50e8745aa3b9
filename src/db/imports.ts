import { sql } from 'kysely'
import { foldUsername } from '../text/names.js'
import { skeleton } from '../text/skeleton.js'
import { joinChat } from './chats.js'
import type { Db } from './schema.js'

/** An import that has begun. `uri` is null until all of it is there. */
export interface Import {
  id: number
  chat_id: number
  lines: number
  hash: Buffer
  uri: string | null
}

/** A message of a file. `version`: the id that it gets. `text` is null where it was deleted. */
export interface ImportedMessage {
  version: number
  name: string
  text: string | null
  created_at: Date
  edited_at: Date | null
  deleted_at: Date | null
  /** The version of the message that it answers. */
  reply_to: number | null
  reactions: Record<string, number> | null
}

/** What a message of before became while its chat was exported. */
export type ImportedChange = Pick<ImportedMessage, 'version' | 'text' | 'edited_at' | 'deleted_at' | 'reactions'>

interface Batch {
  messages: readonly ImportedMessage[]
  changes: readonly ImportedChange[]
  /** How many lines of the file are stored with it, and the hash of these. */
  lines: number
  hash: Buffer
}

/** Somebody else goes on with the same import at this moment. */
export class ImportMoved extends Error {}

const COLUMNS = ['id', 'chat_id', 'lines', 'hash', 'uri'] as const

export async function findImport(db: Db, user_id: number, key: string): Promise<Import | undefined> {
  return await db
    .selectFrom('imports')
    .select(COLUMNS)
    .where('user_id', '=', user_id)
    .where('key', '=', key)
    .executeTakeFirst()
}

/** The user's newest import that was stopped, with its key. */
export async function stoppedImport(db: Db, user_id: number) {
  return await db
    .selectFrom('imports')
    .select(['key', 'lines'])
    .where('user_id', '=', user_id)
    .where('uri', 'is', null)
    .orderBy('id', 'desc')
    .executeTakeFirst()
}

/** Begins an import into a new chat without a link and without members, which nobody sees. */
export function beginImport(db: Db, user_id: number, key: string, hash: Buffer): Promise<Import> {
  return db.transaction().execute(async trx => {
    const { id: chat_id } = await trx
      .insertInto('chats')
      .columns(['owner_id'])
      .expression(from =>
        from.selectFrom('users').select('id').where('id', '=', user_id).where('deleted_at', 'is', null),
      )
      .returning('id')
      .executeTakeFirstOrThrow()
    return await trx
      .insertInto('imports')
      .values({ user_id, key, chat_id, hash })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow()
  })
}

/** The names of the authors whom the import has made, with their ids. */
export async function importedAuthors(db: Db, chat_id: number): Promise<Map<string, number>> {
  const rows = await db.selectFrom('members').select(['user_id', 'name']).where('chat_id', '=', chat_id).execute()
  return new Map(rows.map(({ user_id, name }) => [name, user_id]))
}

/**
 * Stores a batch, whose messages follow those that are stored, with the authors who are not in `authors` yet; they are added there. Either all of
 * it is stored or nothing. Throws ImportMoved.
 */
export async function storeBatch(db: Db, { id, chat_id, lines }: Import, batch: Batch, authors: Map<string, number>) {
  const { messages, changes } = batch
  const names = [...new Set(messages.map(({ name }) => name))].filter(name => !authors.has(name))
  const made = await db.transaction().execute(async trx => {
    const { numUpdatedRows } = await trx
      .updateTable('imports')
      .set({ lines: batch.lines, hash: batch.hash, changed_at: sql`now()` })
      .where('id', '=', id)
      .where('lines', '=', lines)
      .where('uri', 'is', null)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) {
      throw new ImportMoved()
    }
    const made = names.length > 0 ? await insertAuthors(trx, chat_id, names) : []
    const ids = new Map([...authors, ...made])
    await insertMessages(trx, chat_id, messages, ids)
    await applyChanges(trx, chat_id, changes)
    return made
  })
  for (const [name, user_id] of made) {
    authors.set(name, user_id)
  }
}

/** They have been members and are none any more, so that nothing can be done as one of them. */
async function insertAuthors(trx: Db, chat_id: number, names: readonly string[]): Promise<[string, number][]> {
  const looks = names.map(name => ({ name, folded_name: foldUsername(name), skeleton: skeleton(name) }))
  const users = await trx
    .insertInto('users')
    .values(looks.map(look => ({ ...look, kind: 'imported' as const, username: look.name })))
    .returning(['id', 'name'])
    .execute()
  const ids = new Map(users.map(({ id, name }) => [name, id]))
  const rows = looks.map(look => ({ ...look, chat_id, user_id: ids.get(look.name) ?? 0 }))
  await trx
    .insertInto('members')
    .values(rows.map(row => ({ ...row, left_at: sql<Date>`now()` })))
    .execute()
  return [...ids]
}

async function insertMessages(
  trx: Db,
  chat_id: number,
  messages: readonly ImportedMessage[],
  authors: ReadonlyMap<string, number>,
) {
  const last = messages.at(-1)
  if (!last) {
    return
  }
  const times = (name: 'created_at' | 'edited_at' | 'deleted_at') =>
    messages.map(message => message[name]?.toISOString() ?? null)
  await sql`
    insert into events (
      chat_id, version, kind, author_id, text, created_at, edited_at, deleted_at, reply_to, reactions
    )
    select ${chat_id}, m.version, 'message', m.author_id, m.text, least(m.created_at, now()), m.edited_at, m.deleted_at,
      m.reply_to, m.reactions
    from unnest(
      ${messages.map(({ version }) => version)}::bigint[],
      ${messages.map(({ name }) => authors.get(name) ?? null)}::bigint[],
      ${messages.map(({ text }) => text)}::text[],
      ${times('created_at')}::timestamptz[],
      ${times('edited_at')}::timestamptz[],
      ${times('deleted_at')}::timestamptz[],
      ${messages.map(({ reply_to }) => reply_to)}::bigint[],
      ${messages.map(({ reactions }) => (reactions ? JSON.stringify(reactions) : null))}::jsonb[]
    ) m (version, author_id, text, created_at, edited_at, deleted_at, reply_to, reactions)`.execute(trx)
  await trx
    .updateTable('chats')
    .set({ version: last.version, last_shown: last.version, last_message: last.version })
    .where('id', '=', chat_id)
    .execute()
}

async function applyChanges(trx: Db, chat_id: number, changes: readonly ImportedChange[]) {
  for (const { version, text, edited_at, deleted_at, reactions } of changes) {
    await trx
      .updateTable('events')
      .set({ text, edited_at, deleted_at, reactions: reactions && JSON.stringify(reactions) } as object)
      .where('chat_id', '=', chat_id)
      .where('version', '=', version)
      .execute()
  }
}

/** Makes the chat one that its owner sees and that others can join by the link. Returns its version. Throws if the owner was deleted. */
export function finishImport(
  db: Db,
  { id, chat_id }: Import,
  { user_id, uri, title }: { user_id: number; uri: string; title: string | null },
): Promise<number> {
  return db.transaction().execute(async trx => {
    const { numUpdatedRows } = await trx
      .updateTable('imports')
      .set({ uri, changed_at: sql`now()` })
      .where('id', '=', id)
      .where('uri', 'is', null)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) {
      throw new ImportMoved()
    }
    await trx.updateTable('chats').set({ title, last_posted_at: sql`now()` }).where('id', '=', chat_id).execute()
    await trx.insertInto('links').values({ uri, chat_id }).execute()
    const { outcome, version } = await joinChat(trx, uri, user_id)
    if (outcome !== 'joined') {
      throw new Error(`The owner cannot join the chat that was imported: ${outcome}`)
    }
    return version
  })
}

/** Deletes what is left of imports that nobody went on with for a day, and forgets by which keys the others were made. */
export async function deleteOldImports(db: Db) {
  await sql`
    with old as (delete from imports where changed_at < now() - interval '1 day' returning chat_id, uri)
    select erase_chat(c.id) from chats c join old on old.chat_id = c.id
    where old.uri is null and c.deleted_at is null`.execute(db)
}
