-- Gives a chat whose owner is gone, and whose row the caller has locked, to the next owner. Returns the version of the event that says so;
-- null where the owner is present or nobody can follow.
create or replace function pass_on(chat bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  heir bigint;
begin
  if is_present((select c.owner_id from chats c where c.id = chat)) then
    return null;
  end if;
  heir := heir_of(chat);
  if heir is not null then
    return give_chat(chat, heir);
  end if;
  update chats c set accountless = true where c.id = chat and not c.accountless;
  return null;
end $$;
