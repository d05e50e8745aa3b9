-- Deletes the texts of messages as their authors could, whether these are still members or not. Returns how many still had a text.
create or replace function prune_messages(chat bigint, messages bigint[])
returns int
language plpgsql
as $$
#variable_conflict use_variable
declare
  old record;
  pruned int := 0;
begin
  perform 1 from chats c where c.id = chat for no key update;
  for old in
    select e.version, e.author_id from events e
    where e.chat_id = chat and e.version = any (messages) and e.kind = 'message' and e.deleted_at is null
      and exists (select 1 from chats c where c.id = chat and c.deleted_at is null)
    order by e.version
  loop
    perform erase_message(chat, old.author_id, old.version);
    pruned := pruned + 1;
  end loop;
  return pruned;
end $$;
