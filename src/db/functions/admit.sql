-- Makes the user a member of a chat whose row the caller has locked, under their name or one like it. Returns the version of the event that
-- says so.
create or replace function admit(chat bigint, joiner bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  who users;
  namesake record;
  chosen record;
  event_version bigint;
begin
  select u.* into who from users u where u.id = joiner;
  select m.user_id, m.name, m.folded_name, m.guest into namesake from members m
    where m.chat_id = chat and m.folded_name = who.folded_name and m.left_at is null;
  if namesake.guest and who.kind = 'account' then
    -- Otherwise a guest could pass for the account by having been here first.
    update members m set (name, folded_name) = (
        select f.name, f.folded_name
        from free_name(chat, namesake.user_id, namesake.name, namesake.folded_name, 'guest') f
      )
      where m.chat_id = chat and m.user_id = namesake.user_id;
    perform append_event(chat, 'named', namesake.user_id, null, null);
  end if;

  select f.* into chosen from free_name(chat, joiner, who.name, who.folded_name, '') f;
  insert into members as m (chat_id, user_id, name, folded_name, guest, last_read)
    values (chat, joiner, chosen.name, chosen.folded_name, who.kind = 'guest', 0)
    on conflict on constraint members_pkey do update
    set left_at = null, joined_at = clock_timestamp(), name = excluded.name, folded_name = excluded.folded_name,
      guest = excluded.guest;
  update chats c set member_count = c.member_count + 1 where c.id = chat;
  event_version := append_event(chat, 'joined', joiner, null, null);
  -- What was said before they came is not unread.
  update members m set last_read = event_version where m.chat_id = chat and m.user_id = joiner;
  return event_version;
end $$;
