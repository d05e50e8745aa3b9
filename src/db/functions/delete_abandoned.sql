-- Deletes abandoned chats, `most` at a time, and returns how many were found. Those that are locked at this moment are left for later.
create or replace function delete_abandoned(unused interval, unopened interval, most int)
returns int
language plpgsql
as $$
#variable_conflict use_variable
declare
  held bigint[];
begin
  with taken as (
    select c.id from chats c
    where c.accountless and c.created_at < now() - unused and is_abandoned(c.id, unused, unopened)
    order by c.created_at, c.id
    limit most
    for no key update of c skip locked
  )
  select array_agg(t.id) into held from taken t;
  -- Judged again: somebody may have come before the row was locked.
  perform erase_chat(h.id) from unnest(held) h (id) where is_abandoned(h.id, unused, unopened);
  return coalesce(cardinality(held), 0);
end $$;
