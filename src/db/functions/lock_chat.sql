-- Locks the chat's row, and returns what the user is to the chat then (standing). Every later statement of the caller sees what was
-- committed before the lock was taken.
create or replace function lock_chat(chat bigint, who bigint)
returns text
language plpgsql
as $$
#variable_conflict use_variable
begin
  perform 1 from chats c where c.id = chat for no key update;
  return standing(chat, who);
end $$;
