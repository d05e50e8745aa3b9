-- Raises an error until the index events_search is built: without it a search would read all messages.
create or replace function require_search_index()
returns void
language plpgsql stable
as $$
begin
  if not exists (select 1 from pg_index where indexrelid = to_regclass('events_search') and indisvalid) then
    raise exception 'The search index is being built' using errcode = 'object_not_in_prerequisite_state';
  end if;
end $$;
