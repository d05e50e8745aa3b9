-- Only the chat's owner can.
create or replace function lift_ban(chat bigint, actor bigint, target bigint)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  rank text := lock_chat(chat, actor);
begin
  if rank <> 'owner' then
    return query select rank, null::bigint;
    return;
  end if;
  delete from bans b where b.chat_id = chat and b.user_id = target;
  if not found then
    return query select 'absent', null::bigint;
    return;
  end if;
  return query select 'done', c.version from chats c where c.id = chat;
end $$;
