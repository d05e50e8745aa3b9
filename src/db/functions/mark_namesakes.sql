-- Puts a mark behind the names of guests in a chat, whose row the caller has locked, that are the account's name or look like it: otherwise
-- a guest could pass for the account by having been here first. Returns the version of the last event that says so, or null.
create or replace function mark_namesakes(chat bigint, account bigint)
returns bigint
language plpgsql
as $$
#variable_conflict use_variable
declare
  who users;
  namesake record;
  event_version bigint;
begin
  select u.* into who from users u where u.id = account;
  for namesake in
    select m.user_id, m.name, m.folded_name, m.skeleton from members m
    where m.chat_id = chat and m.folded_name = who.folded_name and m.guest and m.left_at is null and m.user_id <> account
    union
    select m.user_id, m.name, m.folded_name, m.skeleton from members m
    where m.chat_id = chat and m.skeleton = who.skeleton and m.guest and m.left_at is null and m.user_id <> account
    order by user_id
  loop
    update members m set (name, folded_name, skeleton) = (
        select d.name, d.folded_name, d.skeleton
        from distinct_name(chat, namesake.user_id, namesake.name, namesake.folded_name, namesake.skeleton, 'guest') d
      )
      where m.chat_id = chat and m.user_id = namesake.user_id;
    event_version := append_event(chat, 'named', namesake.user_id, null, null);
  end loop;
  return event_version;
end $$;
