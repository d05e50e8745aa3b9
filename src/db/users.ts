import { type Selectable, sql } from 'kysely'
import pg from 'pg'
import { foldUsername } from '../usernames.js'
import type { Db, Schema } from './schema.js'

export type User = Pick<Selectable<Schema['users']>, 'id' | 'kind' | 'username' | 'name' | 'email'>

/** The columns of `User`, for queries that reach users by another way. */
export const USER_COLUMNS = ['users.id', 'users.kind', 'users.username', 'users.name', 'users.email'] as const

/** Undefined when another account has that name, in whatever case. */
export async function createUser(
  db: Db,
  { username, email, password_hash }: { username: string; email: string; password_hash: string },
): Promise<User | undefined> {
  try {
    const folded = foldUsername(username)
    return await db
      .insertInto('users')
      .values({ username, folded_username: folded, name: username, folded_name: folded, email, password_hash })
      .returning(USER_COLUMNS)
      .executeTakeFirstOrThrow()
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.constraint === 'users_folded_username_key') {
      return undefined
    }
    throw error
  }
}

/** The account with that name, unless it was deleted. */
export function findUser(db: Db, username: string) {
  return db
    .selectFrom('users')
    .select([...USER_COLUMNS, 'password_hash'])
    .where('folded_username', '=', foldUsername(username))
    .where('password_hash', 'is not', null)
    .$narrowType<{ password_hash: string }>()
    .executeTakeFirst()
}

/** Stores a better hash of the password the user has; nothing else changes. */
export async function upgradeHash(db: Db, user_id: number, password_hash: string) {
  await db.updateTable('users').set({ password_hash }).where('id', '=', user_id).execute()
}

/** Ends every session of the user; tokens stay, as a program's credential is not the password. */
export async function changePassword(db: Db, user_id: number, password_hash: string) {
  await db
    .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', user_id))
    .updateTable('users')
    .set({ password_hash, version: sql`version + 1` })
    .where('id', '=', user_id)
    .execute()
}
