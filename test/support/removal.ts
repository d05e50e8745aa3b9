import type { Site } from './site.js'

/** Takes a member out of the chat as whatever removes members must: by the chat's clock, so that every process hears of it. */
export async function removeMember(site: Site, uri: string, username: string) {
  await site.pool.query(
    `with chat as (select c.id from chats c join links l on l.chat_id = c.id where l.uri = $1 for no key update of c),
     gone as (
       update members m set left_at = now() from chat, users u
       where m.chat_id = chat.id and m.user_id = u.id and u.username = $2 and m.left_at is null
       returning m.chat_id, m.user_id
     ),
     turn as (
       update chats c set version = version + 1, member_count = member_count - 1 from gone where c.id = gone.chat_id
       returning c.version
     )
     insert into events (chat_id, version, kind, author_id) select gone.chat_id, turn.version, 'left', gone.user_id from gone, turn`,
    [uri, username],
  )
}
