-- typed: the chat's name as pages show it.
create or replace function delete_chat(chat bigint, actor bigint, typed text)
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
  elsif not exists (
    select 1 from chats c join users u on u.id = c.owner_id
    where c.id = chat and shown_words(coalesce(c.title, 'Chat started by ' || u.name)) = shown_words(typed)
  ) then
    return query select 'misnamed', null::bigint;
    return;
  end if;
  return query select 'done', erase_chat(chat);
end $$;
