-- The ids of the members who have these names at this moment, by name; null if there are none. Who is shown under a name comes before
-- whoever has it as username.
create or replace function mentioned(chat bigint, names text)
returns jsonb
language sql stable
as $$
  select jsonb_object_agg(found.name, found.user_id)
  from (
    select n as name, coalesce(
      (select m.user_id from members m where m.chat_id = chat and m.folded_name = n and m.left_at is null),
      (
        select m.user_id from users u
        join members m on m.chat_id = chat and m.user_id = u.id and m.left_at is null
        where u.folded_username = n
      )
    ) as user_id
    from jsonb_array_elements_text(names::jsonb) n
  ) found
  where found.user_id is not null
$$;
