-- Makes a member the owner of a chat whose row the caller has locked. Returns the version of the event that says so.
create or replace function give_chat(chat bigint, heir bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
begin
  update chats c set owner_id = heir, accountless = (select u.kind = 'guest' from users u where u.id = heir)
    where c.id = chat;
  return append_event(chat, 'owner', heir, null, null);
end $$;
