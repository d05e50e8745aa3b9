-- Makes the user a member of a chat whose row the caller has locked, under their name or one like it. Returns the version of the event that
-- says so.
create or replace function admit(chat bigint, joiner bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  who users;
  chosen record;
  event_version bigint;
begin
  select u.* into who from users u where u.id = joiner;
  if who.kind = 'account' then
    perform mark_namesakes(chat, joiner);
  end if;

  select d.* into chosen from distinct_name(chat, joiner, who.name, who.folded_name, who.skeleton, '') d;
  insert into members as m (chat_id, user_id, name, folded_name, skeleton, guest, last_read)
    values (chat, joiner, chosen.name, chosen.folded_name, chosen.skeleton, who.kind = 'guest', 0)
    on conflict on constraint members_pkey do update
    set left_at = null, joined_at = clock_timestamp(), name = excluded.name, folded_name = excluded.folded_name,
      skeleton = excluded.skeleton, guest = excluded.guest;
  update chats c set member_count = c.member_count + 1 where c.id = chat;
  event_version := append_event(chat, 'joined', joiner, null, null);
  -- What was said before they came is not unread, and readers of all their chats do not get it.
  update members m set last_read = event_version, since = event_version
    where m.chat_id = chat and m.user_id = joiner;
  return event_version;
end $$;
