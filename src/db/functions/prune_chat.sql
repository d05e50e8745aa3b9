-- Deletes the texts of messages that are older than the chat keeps them: goes on behind those that it came to before, through `most` events. Returns
-- how many it deleted, and whether it may come further at once.
create or replace function prune_chat(chat bigint, most int)
returns table (pruned int, more boolean)
language plpgsql
as $$
#variable_conflict use_variable
declare
  held chats;
  kept_since timestamptz;
  event record;
  looked int := 0;
begin
  perform 1 from chats c where c.id = chat for no key update;
  select c.* into held from chats c where c.id = chat and c.deleted_at is null;
  kept_since := clock_timestamp() - make_interval(days => kept_days(held.days_by_owner, held.days_by_operator));
  pruned := 0;
  for event in
    select e.version, e.author_id, e.created_at, e.kind = 'message' and e.deleted_at is null as has_text from events e
    where e.chat_id = chat and e.version > held.pruned_to
    order by e.version
    limit most
  loop
    exit when (event.created_at < kept_since) is not true;
    if event.has_text then
      perform erase_message(chat, event.author_id, event.version);
      pruned := pruned + 1;
    end if;
    looked := looked + 1;
    held.pruned_to := event.version;
  end loop;
  if looked > 0 then
    update chats c set pruned_to = held.pruned_to where c.id = chat;
  end if;
  more := looked = most;
  return next;
end $$;
