-- For the program of the release before.
create or replace function change_chat(
  chat bigint, actor bigint, new_title text, read_only boolean, joins_closed boolean, guests boolean
)
returns table (outcome text, version bigint)
language sql
as $$
  select s.outcome, s.version from change_settings(chat, actor, new_title, read_only, joins_closed, guests, null) s
$$;
