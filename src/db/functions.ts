import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Db } from './schema.js'

/**
 * The functions in src/db/functions, in an order in which each finds those that it calls.
 *
 * What changes a chat is a function whose first statement takes the chat's row, because a statement decides on the snapshot that it took
 * before it waited: one statement that locks and judges would still see a member who was removed, or miss a key that was used, while it
 * waited. The next statement in the function sees what was committed meanwhile.
 *
 * A program of the release before may be posting while they are replaced, so a function whose arguments, result or outcomes change gets a
 * new name, and the old one goes a release later.
 */
const REPLACED = [
  'append_event',
  'free_name',
  'mentioned',
  'standing',
  'shown_words',
  'join_chat',
  'leave_chat',
  'post_messages',
  'edit_message',
  'delete_message',
  'react',
  'settle_memberships',
  'remove_member',
  'lift_ban',
  'hand_over',
  'change_chat',
  'replace_link',
  'delete_chat',
  'search_query',
  'require_search_index',
  'search_in_stretch',
  'search_chat',
  'search_chats',
]

/** On these the index events_search stands, which would be wrong if they changed: another function gets another name, and another index. */
const BENEATH_INDEXES = ['search_fold', 'search_text', 'search_stretch', 'search_vector']

/** Lays all functions as this program knows them: within a transaction, or a caller finds some of before and some of today. */
export async function layFunctions(db: Db) {
  for (const name of BENEATH_INDEXES) {
    const { rows } = await sql<{ there: boolean }>`select to_regproc(${name}) is not null as there`.execute(db)
    if (!rows[0]?.there) {
      await sql.raw(await definitionOf(name)).execute(db)
    }
  }
  for (const name of REPLACED) {
    await sql.raw(await definitionOf(name)).execute(db)
  }
}

/** The folder is read where it stands in the sources, as views are. */
function definitionOf(name: string): Promise<string> {
  return readFile(new URL(`../../../src/db/functions/${name}.sql`, import.meta.url), 'utf8')
}
