import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Db } from './schema.js'

/**
 * The functions in src/db/functions. Each stands behind those that it calls.
 *
 * A function that changes a chat begins by locking the chat's row, in a statement of its own. A single statement that locks and judges
 * would judge by the snapshot that it took before it waited for the lock: it would still see a member who was removed meanwhile, or miss a
 * key that was used. The next statement of the function sees what was committed meanwhile.
 *
 * The program of the release before may be posting while they are replaced. So a function whose arguments, result or outcomes change gets a
 * new name, and the old one is dropped a release later.
 */
const REPLACED = [
  'current_epoch',
  'kept_days',
  'is_seen',
  'seen_version',
  'events_since',
  'append_event',
  'free_name',
  'distinct_name',
  'mark_namesakes',
  'mentioned',
  'standing',
  'is_present',
  'heir_of',
  'give_chat',
  'pass_on',
  'admit',
  'lock_chat',
  'shown_words',
  'join_by_link',
  'join_chat',
  'leave_chat',
  'post_messages',
  'edit_message',
  'erase_message',
  'delete_message',
  'prune_messages',
  'prune_chat',
  'react',
  'settle_memberships',
  'remove_member',
  'lift_ban',
  'hand_over',
  'change_settings',
  'change_chat',
  'replace_link',
  'erase_chat',
  'delete_chat',
  'is_abandoned',
  'delete_abandoned',
  'require_search_index',
  'search_by_words',
  'search_query',
  'search_in_stretch',
  'search_phrases',
  'search_template',
  'search_in_part',
  'search_chat',
  'search_chats',
]

/**
 * The indexes events_words and events_search are made with these, and would be wrong if one changed: a change is a new function, and a new
 * index. search_text, search_stretch and search_vector are beneath events_search, which answers while events_words is built after an upgrade.
 */
const BENEATH_INDEXES = [
  'search_fold',
  'search_text',
  'search_stretch',
  'search_vector',
  'search_split',
  'search_words',
  'search_place',
  'search_placed_words',
]

/**
 * Those of them that were written anew since: in plpgsql, as PostgreSQL reads the body of a function in sql again for each statement that
 * stores a message. The expression is the same, and so are its results and the index (test/db/upgrade.test.ts).
 */
const WRITTEN_ANEW = ['search_fold', 'search_split']

/** Creates or replaces all functions. Must run in a transaction, or callers meanwhile would find old ones beside new ones. */
export async function layFunctions(db: Db) {
  for (const name of BENEATH_INDEXES) {
    const { rows } = await sql<{ there: boolean }>`select to_regproc(${name}) is not null as there`.execute(db)
    if (!rows[0]?.there || WRITTEN_ANEW.includes(name)) {
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
