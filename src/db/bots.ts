import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import { foldUsername } from '../text/names.js'
import { skeleton } from '../text/skeleton.js'
import type { Acting } from './owners.js'
import type { Db } from './schema.js'
import { lockLooks } from './usernames.js'
import { lockUser, USER_COLUMNS } from './users.js'

interface NewBot {
  name: string
  /** Of its token, and of the key of its hook. */
  key_hash: Buffer
  hook_hash: Buffer
}

/**
 * What became of making a bot: `taken`, an account or a member of the chat has the name; `lookalike`, one has a name that looks like it; `too
 * many`, the chat has as many as it may. `version`: the chat's afterwards.
 */
type BotOutcome =
  | { outcome: 'done'; id: number; version: number }
  | { outcome: 'not owner' | 'stranger' | 'taken' | 'lookalike' | 'too many' }

/** Makes a bot, who is a member of the chat, with a token for it and an incoming hook. */
export function createBot(
  db: Db,
  { chat_id, user_id }: Acting,
  { name, key_hash, hook_hash }: NewBot,
): Promise<BotOutcome> {
  return db.transaction().execute(async trx => {
    await lockLooks(trx, name)
    const { rank } = await trx
      .selectNoFrom(sql<'owner' | 'not owner' | 'stranger'>`lock_chat(${chat_id}, ${user_id})`.as('rank'))
      .executeTakeFirstOrThrow()
    if (rank !== 'owner') {
      return { outcome: rank }
    }
    if ((await botsOf(trx, chat_id)).length >= LIMITS.botsPerChat) {
      return { outcome: 'too many' }
    }
    const [folded_name, look] = [foldUsername(name), skeleton(name)]
    if (await isAnothers(trx, chat_id, 'folded_name', 'folded_username', folded_name)) {
      return { outcome: 'taken' }
    }
    if (await isAnothers(trx, chat_id, 'skeleton', 'username_skeleton', look)) {
      return { outcome: 'lookalike' }
    }
    const { id } = await trx
      .insertInto('users')
      .values({ kind: 'bot', username: name, name, folded_name, skeleton: look })
      .returning('id')
      .executeTakeFirstOrThrow()
    await trx.insertInto('bots').values({ user_id: id, chat_id, hook_hash, hook_created_at: sql`now()` }).execute()
    await insertToken(trx, chat_id, id, key_hash)
    const { version } = await trx
      .selectNoFrom(sql<number>`admit(${chat_id}, ${id})`.as('version'))
      .executeTakeFirstOrThrow()
    return { outcome: 'done', id, version }
  })
}

/** Accounts as well as members: a bot must not be taken for somebody who may come. */
async function isAnothers(
  trx: Db,
  chat_id: number,
  ofMember: 'folded_name' | 'skeleton',
  ofAccount: 'folded_username' | 'username_skeleton',
  value: string,
): Promise<boolean> {
  const found = await trx
    .selectFrom('users')
    .select('id')
    .where(ofAccount, '=', value)
    .unionAll(
      trx
        .selectFrom('members')
        .select('user_id as id')
        .where('chat_id', '=', chat_id)
        .where('left_at', 'is', null)
        .where(ofMember, '=', value),
    )
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

function insertToken(trx: Db, chat_id: number, user_id: number, key_hash: Buffer) {
  return trx
    .insertInto('tokens')
    .values({ key_hash, user_id, chat_id, scopes: ['read', 'post'] })
    .execute()
}

/** The bots in the chat, the oldest first. */
export function botsOf(db: Db, chat_id: number) {
  return db
    .selectFrom('bots')
    .innerJoin('members', join =>
      join.onRef('members.chat_id', '=', 'bots.chat_id').onRef('members.user_id', '=', 'bots.user_id'),
    )
    .select(['bots.user_id as id', 'members.name', 'bots.created_at', 'hook_created_at', 'hook_used_at'])
    .where('bots.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
    .orderBy('bots.user_id')
    .execute()
}

/** Gives the bot another key for its hook, or none. Returns false where the user does not own the chat, or it has no such bot. */
export async function setHook(db: Db, acting: Acting, bot_id: number, hook_hash: Buffer | null): Promise<boolean> {
  const result = await db
    .updateTable('bots')
    .set({ hook_hash, hook_created_at: hook_hash ? sql<Date>`now()` : null, hook_used_at: null })
    .where('user_id', '=', bot_id)
    .where('chat_id', '=', ownChat(db, acting))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Gives the bot another token, and revokes the one of before. The same. */
export function replaceBotToken(db: Db, acting: Acting, bot_id: number, key_hash: Buffer): Promise<boolean> {
  return db.transaction().execute(async trx => {
    await lockUser(trx, bot_id)
    const bot = await trx
      .selectFrom('bots')
      .select('chat_id')
      .where('user_id', '=', bot_id)
      .where('chat_id', '=', ownChat(trx, acting))
      .executeTakeFirst()
    if (bot) {
      await trx.deleteFrom('tokens').where('user_id', '=', bot_id).execute()
      await trx.updateTable('users').set({ version: sql`version + 1` }).where('id', '=', bot_id).execute()
      await insertToken(trx, bot.chat_id, bot_id, key_hash)
    }
    return bot !== undefined
  })
}

function ownChat(db: Db, { chat_id, user_id }: Acting) {
  return db.selectFrom('chats').select('id').where('id', '=', chat_id).where('owner_id', '=', user_id)
}

/** The bot whose hook has that key, and the URI of its chat. */
export function botByHook(db: Db, hook_hash: Buffer) {
  return db
    .selectFrom('bots')
    .innerJoin('users', 'users.id', 'bots.user_id')
    .innerJoin('links', join => join.onRef('links.chat_id', '=', 'bots.chat_id').on('links.replaced_at', 'is', null))
    .select([...USER_COLUMNS, 'links.uri'])
    .where('bots.hook_hash', '=', hook_hash)
    .executeTakeFirst()
}

/** Writes, once a minute, that the bot's hook was used. */
export async function touchHook(db: Db, bot_id: number) {
  await db
    .updateTable('bots')
    .set({ hook_used_at: sql`now()` })
    .where('user_id', '=', bot_id)
    .where(where =>
      where.or([where('hook_used_at', 'is', null), where('hook_used_at', '<', sql<Date>`now() - interval '1 minute'`)]),
    )
    .execute()
}
