-- Only the author can. The hash of the old text goes with the text: a short text can be guessed from its hash.
create or replace function edit_message(chat bigint, editor bigint, message bigint, new_text text, names text)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  old events;
  resolved jsonb;
begin
  perform 1 from chats c where c.id = chat for no key update;
  select e.* into old from events e
    join members m on m.chat_id = e.chat_id and m.user_id = editor and m.left_at is null
    where e.chat_id = chat and e.version = message and e.kind = 'message'
      and exists (select 1 from chats c where c.id = chat and c.deleted_at is null);
  if old.version is null or old.deleted_at is not null then
    return query select 'gone', null::bigint;
  elsif old.author_id <> editor then
    return query select 'not yours', null::bigint;
  elsif exists (select 1 from chats c where c.id = chat and c.read_only_at is not null) then
    return query select 'read only', null::bigint;
  elsif char_length(new_text) not between 1 and 2000 then
    return query select 'refused', null::bigint;
  elsif old.text = new_text then
    return query select 'same', c.version from chats c where c.id = chat;
  else
    resolved := case when names is not null then mentioned(chat, names) end;
    update events e set text = new_text, text_hash = null, edited_at = clock_timestamp(), mentions = resolved
      where e.chat_id = chat and e.version = message;
    delete from mentions n where n.chat_id = chat and n.version = message;
    insert into mentions (user_id, chat_id, version)
      select distinct n.value::bigint, chat, message from jsonb_each(resolved) n where n.value::bigint <> editor;
    return query select 'edited', append_event(chat, 'edited', editor, message, null);
  end if;
end $$;
