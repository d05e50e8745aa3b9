-- Deletes the text of a message, and what hangs on it. The caller has locked the chat's row. Returns the chat's version.
create or replace function erase_message(chat bigint, deleter bigint, message bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
begin
  update events e
    set text = null, text_hash = null, deleted_at = clock_timestamp(), edited_at = null, mentions = null, reactions = null
    where e.chat_id = chat and e.version = message;
  delete from mentions n where n.chat_id = chat and n.version = message;
  delete from reactions r where r.chat_id = chat and r.version = message;
  return append_event(chat, 'deleted', deleter, message, null);
end $$;
