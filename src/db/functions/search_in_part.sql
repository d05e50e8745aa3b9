-- The newest messages that match in one part of a chat, below a version and before a hit. For events_words the query is a template of
-- search_template. GIN indexes can be read by bitmap scans only, and events_words is the only index that fits the condition. (The planner has no
-- statistics for a statement that joins the result.) Planned once: to plan takes ten times as long as a look.
create or replace function search_in_part(
  by_words boolean, chat bigint, below bigint, before search_hit, query text, phrases text[], most integer
)
returns setof search_hit
language plpgsql stable
set enable_bitmapscan = on
set plan_cache_mode = force_generic_plan
as $$
begin
  if by_words then
    return query
    select e.created_at, e.chat_id, e.version
    from events e
    where e.kind || '' = 'message'
      and e.text is not null
      and search_placed_words(e.chat_id, e.version, e.text) @@ replace(query, '@', search_place(chat, below - 1))::tsquery
      and e.version < below
      and (phrases is null or ' ' || search_words(e.text) || ' ' like all (phrases))
      and (e.created_at < before.created_at or (e.created_at, e.chat_id, e.version)::search_hit < before)
    order by e.version desc
    limit most;
  else
    return query select * from search_in_stretch(chat, below, before, query::tsquery, most);
  end if;
end $$;
