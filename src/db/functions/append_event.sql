-- What every change of a chat ends in, by whoever holds the chat's row. Returns the event's version.
create or replace function append_event(changed_chat bigint, kind text, author bigint, about bigint, text text)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  turn bigint;
  shown_before bigint;
begin
  select c.last_shown into shown_before from chats c where c.id = changed_chat;
  update chats c
    set version = c.version + 1, last_shown = case when about is null then c.version + 1 else c.last_shown end
    where c.id = changed_chat
    returning c.version into turn;
  insert into events (chat_id, version, kind, about, author_id, text, previous, created_at)
    values (changed_chat, turn, kind, about, author, text, nullif(shown_before, turn - 1), clock_timestamp());
  return turn;
end $$;
