-- Appends an event to a chat whose row the caller has locked. Returns the event's version. about: the message that the event changes.
create or replace function append_event(changed_chat bigint, kind text, author bigint, about bigint, text text)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  event_version bigint;
  shown_before bigint;
begin
  select c.last_shown into shown_before from chats c where c.id = changed_chat;
  update chats c
    set version = c.version + 1, last_shown = case when about is null then c.version + 1 else c.last_shown end
    where c.id = changed_chat
    returning c.version into event_version;
  insert into events (chat_id, version, kind, about, author_id, text, previous, created_at)
    values (changed_chat, event_version, kind, about, author, text, nullif(shown_before, event_version - 1), clock_timestamp());
  if kind in ('joined', 'left', 'removed') then
    -- For readers of all their chats.
    insert into membership_changes (user_id, chat_id, version, kind, uri)
      select author, changed_chat, event_version, kind, l.uri
      from (select 1) one
      left join links l on l.chat_id = changed_chat and l.replaced_at is null;
  end if;
  return event_version;
end $$;
