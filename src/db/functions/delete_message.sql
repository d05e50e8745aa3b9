-- The author of the message and the chat's owner can.
create or replace function delete_message(chat bigint, deleter bigint, message bigint)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  old events;
begin
  perform 1 from chats c where c.id = chat for no key update;
  select e.* into old from events e
    join members m on m.chat_id = e.chat_id and m.user_id = deleter and m.left_at is null
    where e.chat_id = chat and e.version = message and e.kind = 'message'
      and exists (select 1 from chats c where c.id = chat and c.deleted_at is null);
  if old.version is null then
    return query select 'gone', null::bigint;
  elsif old.author_id <> deleter and not exists (select 1 from chats c where c.id = chat and c.owner_id = deleter) then
    return query select 'not yours', null::bigint;
  elsif old.deleted_at is not null then
    return query select 'again', c.version from chats c where c.id = chat;
  else
    return query select 'deleted', erase_message(chat, deleter, message);
  end if;
end $$;
