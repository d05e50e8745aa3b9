-- typed: the chat's name as pages show it. Nobody finds the chat from then on; its rows are deleted later (db/deleted-chats.ts).
create or replace function delete_chat(chat bigint, actor bigint, typed text)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  last_version bigint;
  rank text := lock_chat(chat, actor);
begin
  if rank <> 'owner' then
    return query select rank, null::bigint;
    return;
  elsif not exists (
    select 1 from chats c join users u on u.id = c.owner_id
    where c.id = chat and shown_words(coalesce(c.title, 'Chat started by ' || u.name)) = shown_words(typed)
  ) then
    return query select 'misnamed', null::bigint;
    return;
  end if;
  delete from links l where l.chat_id = chat;
  update members m set left_at = clock_timestamp() where m.chat_id = chat and m.left_at is null;
  update chats c set deleted_at = clock_timestamp(), member_count = 0, version = c.version + 1
    where c.id = chat
    returning c.version into last_version;
  return query select 'done', last_version;
end $$;
