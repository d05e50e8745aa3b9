-- The ids of the members who have these names at this moment, by name; null if there are none.
create or replace function mentioned(chat bigint, names text)
returns jsonb
language sql stable
as $$
  select jsonb_object_agg(m.folded_name, m.user_id)
  from jsonb_array_elements_text(names::jsonb) n
  join members m on m.chat_id = chat and m.folded_name = n and m.left_at is null
$$;
