-- Makes another member the owner. A guest whose session has ended cannot be it.
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
  elsif not is_present(heir) then
    return query select 'guest', null::bigint;
    return;
  end if;
  return query select 'done', give_chat(chat, heir);
end $$;
