-- Makes another member the owner, who must have an account.
create or replace function hand_over(chat bigint, actor bigint, heir bigint)
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
  elsif heir = actor then
    return query select 'yourself', null::bigint;
    return;
  elsif standing(chat, heir) = 'stranger' then
    return query select 'absent', null::bigint;
    return;
  elsif not exists (select 1 from users u where u.id = heir and u.kind = 'account' and u.deleted_at is null) then
    return query select 'guest', null::bigint;
    return;
  end if;
  update chats c set owner_id = heir where c.id = chat;
  return query select 'done', append_event(chat, 'owner', heir, null, null);
end $$;
