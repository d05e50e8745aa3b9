-- Adds the user's reaction to a message, or takes it back.
create or replace function react(chat bigint, reacter bigint, message bigint, chosen text, adds boolean)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  counted int;
begin
  perform 1 from chats c where c.id = chat for no key update;
  if not exists (
    select 1 from events e
    join members m on m.chat_id = e.chat_id and m.user_id = reacter and m.left_at is null
    join chats c on c.id = e.chat_id and c.deleted_at is null
    where e.chat_id = chat and e.version = message and e.kind = 'message' and e.deleted_at is null
  ) then
    return query select 'gone', null::bigint;
    return;
  elsif exists (select 1 from chats c where c.id = chat and c.read_only_at is not null) then
    return query select 'read only', null::bigint;
    return;
  end if;
  if adds then
    insert into reactions (chat_id, version, user_id, emoji) values (chat, message, reacter, chosen)
      on conflict do nothing;
  else
    delete from reactions r
      where r.chat_id = chat and r.version = message and r.user_id = reacter and r.emoji = chosen;
  end if;
  if not found then
    return query select 'same', c.version from chats c where c.id = chat;
    return;
  end if;
  select coalesce((e.reactions ->> chosen)::int, 0) + case when adds then 1 else -1 end into counted
    from events e where e.chat_id = chat and e.version = message;
  update events e
    set reactions = nullif(
      case
        when counted > 0 then jsonb_set(coalesce(e.reactions, '{}'), array[chosen], to_jsonb(counted))
        else e.reactions - chosen
      end, '{}')
    where e.chat_id = chat and e.version = message;
  return query select 'reacted', append_event(chat, 'reacted', reacter, message, null);
end $$;
