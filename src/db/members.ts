import { type RawBuilder, sql } from 'kysely'
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import { LIMITS } from '../config.js'
import type { Acting, Done } from './owners.js'
import { notingRead, type Reader, standingOf } from './reads.js'
import type { Db, UserKind } from './schema.js'

/** A cursor of the list of a chat's members, behind its owner. The members behind it came later. */
interface MembersCursor {
  /** Microseconds since 1970, as text: PostgreSQL's clock is finer than JavaScript's. */
  joined_at: string
  id: number
}

export type Member = Awaited<ReturnType<ReturnType<typeof membersOf>['execute']>>[number]

/** A query for the chat's members: its owner, then the others in the order in which they came; or those of the others behind `after`. */
export function membersOf(db: Db, chat_id: number, limit: number, after?: MembersCursor) {
  const owner = selectMembers(db, chat_id, true).where('members.user_id', '=', ownerOf(db, chat_id))
  const others = selectMembers(db, chat_id, false)
    .where('members.user_id', '<>', ownerOf(db, chat_id))
    .$if(after !== undefined, query =>
      query.where(
        sql<boolean>`(members.joined_at, members.user_id) >
          (to_timestamp(0) + ${after?.joined_at ?? '0'}::bigint * interval '1 microsecond', ${after?.id ?? 0})`,
      ),
    )
    .orderBy('members.joined_at')
    .orderBy('members.user_id')
    .limit(limit)
  return db
    .selectFrom(after ? others.as('member') : owner.unionAll(eb => eb.parens(others)).as('member'))
    .selectAll('member')
    .orderBy('member.owner', 'desc')
    .orderBy('member.joined_at')
    .orderBy('member.id')
    .limit(limit)
}

/** The first of the chat's members, how many there are, and how far the reader had read before this. */
export async function countedMembers(db: Db, chat_id: number, limit: number, reader: Reader) {
  const row = await notingRead(db, chat_id, reader)
    .selectNoFrom([
      db.selectFrom('chats').select('member_count').where('id', '=', chat_id).as('member_count'),
      jsonArrayFrom(membersOf(db, chat_id, limit)).as('members'),
      jsonObjectFrom(standingOf(db, { chat_id, user_id: reader.user_id })).as('standing'),
    ])
    .executeTakeFirstOrThrow()
  return { member_count: row.member_count ?? 0, members: row.members.map(fromJson), standing: row.standing }
}

/** PostgreSQL writes times into JSON as text. */
export function fromJson<M extends { joined_at: string }>(member: M) {
  return { ...member, joined_at: new Date(member.joined_at) }
}

/** Whether the user is or was in another chat whose owner is the same. */
export async function isKnownToOwner(
  db: Db,
  { id, owner_id }: { id: number; owner_id: number },
  user_id: number,
): Promise<boolean> {
  const other = await db
    .selectFrom('members')
    .innerJoin('chats', 'chats.id', 'members.chat_id')
    .select('chats.id')
    .where('members.user_id', '=', user_id)
    .where('members.chat_id', '<>', id)
    .where('chats.owner_id', '=', owner_id)
    .limit(1)
    .executeTakeFirst()
  return other !== undefined
}

/** What became of leaving. `owner`: they own the chat, and either others are in it or its link would not let them in again. */
interface Left {
  outcome: 'left' | 'stranger' | 'owner'
  version: number | null
}

export async function leaveChat(db: Db, { chat_id, user_id }: Acting): Promise<Left> {
  const { rows } = await sql<Left>`select outcome, version from leave_chat(${chat_id}, ${user_id})`.execute(db)
  return rows[0] as Left
}

/** `bot`: they were one, whose token and hook have ended. */
interface Removed extends Done {
  bot: boolean
}

/** Removes a member from the chat. `bans`: they cannot join again; a guest not as another user of the same browser either. */
export async function removeMember(
  db: Db,
  { chat_id, user_id }: Acting,
  member_id: number,
  { bans }: { bans: boolean },
): Promise<Removed> {
  // The user before the tokens, as whoever changes these locks them.
  const { rows } = await sql<Removed>`
    with removed as materialized (
      select outcome, version from remove_member(${chat_id}, ${user_id}, ${member_id}, ${bans})
    ),
    ended as (
      delete from bots using removed
      where bots.user_id = ${member_id} and bots.chat_id = ${chat_id} and removed.outcome = 'done'
      returning bots.user_id
    ),
    moved as (
      update users set version = version + 1 where id in (select user_id from ended) returning id
    ),
    revoked as (
      delete from tokens where user_id in (select id from moved)
    )
    select outcome, version, exists (select 1 from ended) as bot from removed`.execute(db)
  return rows[0] as Removed
}

/** Notes in one statement that these members are here. Writes nothing for those who were noted less than 15 s ago. */
export async function noteSeen(db: Db, seen: readonly { chat_id: number; user_id: number }[]) {
  // Skips locked rows, so that it can be part of no deadlock. The members that it skips are noted the next time.
  await sql`
    with free as (
      select m.chat_id, m.user_id
      from unnest(${seen.map(({ chat_id }) => chat_id)}::bigint[], ${seen.map(({ user_id }) => user_id)}::bigint[])
        as seen (chat_id, user_id)
      join members m on m.chat_id = seen.chat_id and m.user_id = seen.user_id and m.left_at is null
        and (m.seen_at is null or m.seen_at < now() - interval '15 seconds')
      for no key update of m skip locked
    )
    update members m set seen_at = now() from free where m.chat_id = free.chat_id and m.user_id = free.user_id`.execute(
    db,
  )
}

function ownerOf(db: Db, chat_id: number) {
  return db.selectFrom('chats').select('owner_id').where('id', '=', chat_id)
}

/**
 * What a chat shows somebody as: `guest` is the column of their membership, `kind` their own kind. Who was a guest and has signed in to an
 * account, or was deleted, is none there any more.
 */
export function shownKind(guest: string, kind: RawBuilder<unknown>): RawBuilder<UserKind> {
  return sql<UserKind>`case when ${sql.ref(guest)} then 'guest' else replace(${kind}, 'guest', 'account') end`
}

function selectMembers(db: Db, chat_id: number, owner: boolean) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select([
      'users.id',
      'users.username',
      'members.name',
      shownKind('members.guest', sql.ref('users.kind')).as('kind'),
      'members.joined_at',
      sql<string>`(extract(epoch from members.joined_at) * 1000000)::bigint::text`.as('joined_micros'),
      sql<boolean>`coalesce(members.seen_at > now() - ${sql.lit(`${LIMITS.hereSeconds} seconds`)}::interval, false)`.as(
        'here',
      ),
      (owner ? sql<boolean>`true` : sql<boolean>`false`).as('owner'),
    ])
    .where('members.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
}
