-- Deletes a chat whose row the caller has locked: nobody finds it from then on. Its rows are deleted later (db/deleted-chats.ts). Returns its
-- last version.
create or replace function erase_chat(chat bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  last_version bigint;
begin
  -- For readers of all their chats. The link goes next.
  insert into membership_changes (user_id, chat_id, version, kind, uri)
    select m.user_id, chat, c.version + 1, 'deleted', l.uri
    from members m
    join chats c on c.id = m.chat_id
    left join links l on l.chat_id = m.chat_id and l.replaced_at is null
    where m.chat_id = chat and m.left_at is null;
  delete from links l where l.chat_id = chat;
  update members m set left_at = clock_timestamp() where m.chat_id = chat and m.left_at is null;
  update chats c set deleted_at = clock_timestamp(), member_count = 0, version = c.version + 1
    where c.id = chat
    returning c.version into last_version;
  return last_version;
end $$;
