-- bans: they cannot join again. Who has left already can still be banned.
create or replace function remove_member(chat bigint, actor bigint, target bigint, bans boolean)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  gone members;
  rank text := lock_chat(chat, actor);
begin
  if rank <> 'owner' then
    return query select rank, null::bigint;
    return;
  elsif target = actor then
    return query select 'yourself', null::bigint;
    return;
  end if;
  select m.* into gone from members m where m.chat_id = chat and m.user_id = target;
  if gone.user_id is null or (gone.left_at is not null and not bans) then
    return query select 'absent', null::bigint;
    return;
  end if;
  if bans then
    insert into bans (chat_id, user_id, name, visit_hash)
      select chat, u.id, gone.name, u.visit_hash from users u where u.id = target
      on conflict do nothing;
  end if;
  if gone.left_at is not null then
    return query select 'done', c.version from chats c where c.id = chat;
    return;
  end if;
  update members m set left_at = clock_timestamp() where m.chat_id = chat and m.user_id = target;
  update chats c set member_count = c.member_count - 1 where c.id = chat;
  return query select 'done', append_event(chat, 'removed', target, null, null);
end $$;
