import { type Selectable, sql } from 'kysely'
import { LIMITS } from '../config.js'
import { DELETED_USER, foldUsername } from '../text/names.js'
import { skeleton } from '../text/skeleton.js'
import type { Db, Schema } from './schema.js'
import {
  isTaken,
  lockLooks,
  requireDistinct,
  requireDistinctInChats,
  requireNeverDeleted,
  traceIn,
  traceOf,
} from './usernames.js'

export type User = Pick<Selectable<Schema['users']>, 'id' | 'kind' | 'username' | 'name' | 'email'>

/** A user, and the hash of their password when it was verified; null for a guest. The password may have been changed since. */
export type Verified = Pick<Selectable<Schema['users']>, 'id' | 'password_hash'>

/** The columns of `User`, for queries of other tables that join users. */
export const USER_COLUMNS = ['users.id', 'users.kind', 'users.username', 'users.name', 'users.email'] as const

/**
 * Undefined if another account has the username, or had it before it was deleted; names are compared folded. Throws Lookalike.
 * `visit_hash`: the browser that signs up. A guest who was banned stays banned with an account that was made in the same browser. `andThen` belongs to the transaction.
 */
export async function createUser(
  db: Db,
  {
    username,
    email,
    password_hash,
    visit_hash = null,
  }: { username: string; email: string; password_hash: string; visit_hash?: Buffer | null },
  andThen: (trx: Db, user: User) => Promise<void> = async () => {},
): Promise<User | undefined> {
  const [folded, look] = [foldUsername(username), skeleton(username)]
  try {
    return await db.transaction().execute(async trx => {
      await lockLooks(trx, username)
      await requireDistinct(trx, username)
      const user = await trx
        .insertInto('users')
        .values({
          username,
          folded_username: folded,
          username_skeleton: look,
          name: username,
          folded_name: folded,
          skeleton: look,
          email,
          password_hash,
          password_normalised: true,
          visit_hash,
        })
        .returning(USER_COLUMNS)
        .executeTakeFirstOrThrow()
      await requireNeverDeleted(trx, folded)
      await andThen(trx, user)
      return user
    })
  } catch (error) {
    if (isTaken(error)) {
      return undefined
    }
    throw error
  }
}

/** The account with that name, unless it was deleted. */
export function findUser(db: Db, username: string) {
  return db
    .selectFrom('users')
    .select([...USER_COLUMNS, 'password_hash', 'password_normalised'])
    .where('folded_username', '=', foldUsername(username))
    .where('password_hash', 'is not', null)
    .$narrowType<{ password_hash: string }>()
    .executeTakeFirst()
}

/**
 * Locks the user's row until the transaction ends, and returns it as it is then; undefined if the user was deleted. A transaction that ends
 * sessions or tokens calls this before it deletes them: a session that is being created locks the row too (db/sessions.ts createSession),
 * and only a later statement sees it. Posts do not wait for this lock.
 */
export function lockUser(trx: Db, user_id: number) {
  return trx
    .selectFrom('users')
    .select(['kind', 'password_hash'])
    .where('id', '=', user_id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Stores a better hash of the same password. Returns false, and changes nothing, if the user has another hash now. */
export async function upgradeHash(db: Db, { id, password_hash }: Verified, better: string): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set({ password_hash: better, password_normalised: true })
    .where('id', '=', id)
    .where('password_hash', '=', password_hash)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * Changes the password, and ends the user's sessions and reset links. Tokens stay, as they do not depend on the password. Returns false,
 * and changes nothing, if the password is no longer the one that was verified.
 */
export function changePassword(db: Db, { id, password_hash }: Verified, changed: string): Promise<boolean> {
  return db.transaction().execute(async trx => {
    if ((await lockUser(trx, id))?.password_hash !== password_hash) {
      return false
    }
    await setPassword(trx, id, changed)
    return true
  })
}

/** The same. The caller must have locked the user's row. */
export async function setPassword(trx: Db, user_id: number, password_hash: string) {
  await trx
    .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', user_id))
    .with('void', unused => unused.deleteFrom('resets').where('user_id', '=', user_id))
    .updateTable('users')
    .set({ password_hash, password_normalised: true, version: sql`version + 1` })
    .where('id', '=', user_id)
    .execute()
}

/**
 * Changes what is given; `settleUser` must follow, to change the user in their chats. Returns false, and changes nothing, if the name is
 * the username of another account, or if the user was deleted. Throws Lookalike.
 */
export async function changeUser(
  db: Db,
  user_id: number,
  { name, email }: { name?: string | undefined; email?: string | undefined },
): Promise<boolean> {
  return db.transaction().execute(async trx => {
    let change = trx.updateTable('users').set({ version: sql`version + 1` })
    if (email !== undefined) {
      change = change.set({ email })
    }
    if (name !== undefined) {
      await lockLooks(trx, name)
      await requireDistinct(trx, name, user_id)
      await requireDistinctInChats(trx, name, user_id)
      const folded = foldUsername(name)
      change = change
        .set({ name, folded_name: folded, skeleton: skeleton(name), unsettled: true })
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('users as other')
                .select('other.id')
                .where('other.folded_username', 'in', [folded, traceOf(folded)])
                .where('other.id', '<>', user_id),
            ),
          ),
        )
    }
    const result = await change.where('id', '=', user_id).where('deleted_at', 'is', null).executeTakeFirst()
    return result.numUpdatedRows > 0n
  })
}

/**
 * Turns a guest into an account, and ends their sessions. They keep their name, unless it is the username of another account, which only
 * a guest may be called, as guests are marked; then they are called by their new username. `settleUser` must follow, to change them in
 * their chats. `andThen` belongs to the transaction. `taken`: another account has the username. `no guest`: there is no such guest, or
 * they have an account now. Throws Lookalike.
 */
export async function keepGuest(
  db: Db,
  user_id: number,
  { username, email, password_hash }: { username: string; email: string; password_hash: string },
  andThen: (trx: Db, user: User) => Promise<void> = async () => {},
): Promise<User | 'taken' | 'no guest'> {
  const [folded, look] = [foldUsername(username), skeleton(username)]
  const isAnothers = sql<boolean>`exists (
    select 1 from users other
    where other.folded_username = any (array[users.folded_name, ${traceIn('users.folded_name')}]) and other.id <> users.id
    union all
    select 1 from users other
    where other.username_skeleton = any (array[users.skeleton, ${traceIn('users.skeleton')}]) and other.id <> users.id
  )`
  try {
    return await db.transaction().execute(async trx => {
      await lockLooks(trx, username)
      if ((await lockUser(trx, user_id))?.kind !== 'guest') {
        return 'no guest'
      }
      await requireDistinct(trx, username)
      const kept = await trx
        .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', user_id))
        .updateTable('users')
        .set({
          kind: 'account',
          username,
          folded_username: folded,
          username_skeleton: look,
          name: sql`case when ${isAnothers} then ${username} else users.name end`,
          folded_name: sql`case when ${isAnothers} then ${folded} else users.folded_name end`,
          skeleton: sql`case when ${isAnothers} then ${look} else users.skeleton end`,
          email,
          password_hash,
          password_normalised: true,
          unsettled: true,
          version: sql`version + 1`,
        })
        .where('id', '=', user_id)
        .returning(USER_COLUMNS)
        .executeTakeFirstOrThrow()
      await requireNeverDeleted(trx, folded)
      await andThen(trx, kept)
      return kept
    })
  } catch (error) {
    if (isTaken(error)) {
      return 'taken'
    }
    throw error
  }
}

/**
 * Ends the user's sessions and tokens, and deletes all that says who they were, except a hash that keeps others from taking their username.
 * `settleUser` must follow, to make them leave their chats. Returns false, and changes nothing, if they were deleted already or their
 * password is no longer the one that was verified.
 */
export function deleteUser(db: Db, { id, password_hash }: Verified): Promise<boolean> {
  return db.transaction().execute(async trx => {
    if ((await lockUser(trx, id))?.password_hash !== password_hash) {
      return false
    }
    await trx
      .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', id))
      .with('revoked', revoked => revoked.deleteFrom('tokens').where('user_id', '=', id))
      .with('void', unused => unused.deleteFrom('resets').where('user_id', '=', id))
      .with('unread', unread => unread.deleteFrom('mentions').where('user_id', '=', id))
      .updateTable('users')
      .set({
        username: DELETED_USER,
        // As traceOf; null for a guest.
        folded_username: traceIn('folded_username'),
        username_skeleton: traceIn('username_skeleton'),
        name: DELETED_USER,
        folded_name: DELETED_USER,
        skeleton: DELETED_USER,
        email: '',
        password_hash: null,
        visit_hash: null,
        deleted_at: sql`now()`,
        unsettled: true,
        version: sql`version + 1`,
      })
      .where('id', '=', id)
      .execute()
    return true
  })
}

/**
 * Updates the user in all their chats: to their name now, or, if they were deleted, as a member who has left. It goes through some chats at
 * a time, as posts to these wait meanwhile. `moved` is called for each chat that changed. If this throws, `settleUsers` does the rest.
 */
export async function settleUser(db: Db, user_id: number, moved: (chat_id: number, version: number) => void) {
  const { version } = await db.selectFrom('users').select('version').where('id', '=', user_id).executeTakeFirstOrThrow()
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { rows } = await sql<{ chat_id: number; version: number | null }>`
      select chat_id, version from settle_memberships(${user_id}, ${after}, ${LIMITS.chatsSettledAtOnce})`.execute(db)
    for (const { chat_id, version } of rows) {
      if (version !== null) {
        moved(chat_id, version)
      }
    }
    after = rows.length < LIMITS.chatsSettledAtOnce ? undefined : rows.at(-1)?.chat_id
  }
  // Not if they were changed again meanwhile: that change goes through the chats too.
  await db
    .updateTable('users')
    .set({ unsettled: false })
    .where('id', '=', user_id)
    .where('version', '=', version)
    .execute()
}

/** Settles the users who were left over because a program ended or a chat was locked for too long. */
export async function settleUsers(db: Db) {
  const users = await db.selectFrom('users').select('id').where(sql<boolean>`unsettled`).orderBy('id').execute()
  for (const { id } of users) {
    await settleUser(db, id, () => {})
  }
}
