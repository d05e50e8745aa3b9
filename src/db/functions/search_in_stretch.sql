-- The newest messages that match in one stretch of a chat, below a version and before a hit. GIN indexes can be read by bitmap scans only,
-- and events_search is the only index that fits the condition. (The planner has no statistics for a statement that joins the result.)
create or replace function search_in_stretch(chat bigint, below bigint, before search_hit, query tsquery, most integer)
returns setof search_hit
language plpgsql stable
set enable_bitmapscan = on
as $$
begin
  return query
  select e.created_at, e.chat_id, e.version
  from events e
  where e.kind || '' = 'message'
    and e.text is not null
    and search_vector(e.chat_id, e.version, e.text)
      @@ (quote_literal(search_stretch(chat, below - 1))::tsquery && query)
    and e.version < below
    and (e.created_at, e.chat_id, e.version)::search_hit < before
  order by e.version desc
  limit most;
end $$;
