-- Whether nobody needs the chat any more: a guest's that has no message and no second member for as long as `unused` says, or one without any
-- account that no member has opened for as long as `unopened` says.
create or replace function is_abandoned(chat bigint, unused interval, unopened interval)
returns boolean
language sql stable
as $$
  select exists (
    select 1 from chats c
    where c.id = chat and c.accountless and c.deleted_at is null and (
      c.created_at < now() - unused and c.last_message is null and c.member_count < 2
        and exists (select 1 from users u where u.id = c.owner_id and u.kind = 'guest')
      or c.created_at < now() - unopened and c.last_posted_at < now() - unopened
        and not exists (
          select 1 from members m
          where m.chat_id = c.id
            and not exists (select 1 from bots b where b.user_id = m.user_id)
            and (m.left_at is null and not m.guest or greatest(m.joined_at, m.seen_at) >= now() - unopened)
        )
    )
  )
$$;
