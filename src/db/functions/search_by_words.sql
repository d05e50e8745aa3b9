-- Whether the index events_words can be read. While it is built, after an upgrade, events_search of the release before answers.
-- Raises an error where neither is built yet: a search would read all messages.
create or replace function search_by_words()
returns boolean
language plpgsql stable
as $$
begin
  if exists (select 1 from pg_index where indexrelid = to_regclass('events_words') and indisvalid) then
    return true;
  end if;
  perform require_search_index();
  return false;
end $$;
