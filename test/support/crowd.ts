import { findChat } from '../../src/db/chats.js'
import type { Site } from './site.js'

/** Members with names as long as they may be. */
export async function fillWithMembers(site: Site, uri: string, count: number) {
  const chat = await findChat(site.db, uri, undefined)
  await site.pool.query(
    `with people as (
       insert into users (username, folded_username, name, folded_name, password_hash)
       select name, name, name, name, 'none' from (
         select left(n || repeat('𠀀', 150), 150) as name from generate_series(1, $2::int) n
       ) names returning id, name)
     insert into members (chat_id, user_id, name, folded_name, joined_at)
     select $1, id, name, name, now() + id * interval '1 microsecond' from people`,
    [chat?.id, count],
  )
  await site.pool.query('update chats set member_count = member_count + $2 where id = $1', [chat?.id, count])
}
