-- The newest messages that match in one part of a chat, below a version and before a hit. GIN indexes can be read by bitmap scans only,
-- and events_words is the only index that fits the condition. (The planner has no statistics for a statement that joins the result.)
create or replace function search_in_part(
  by_words boolean, chat bigint, below bigint, before search_hit, query tsquery, most integer
)
returns setof search_hit
language plpgsql stable
set enable_bitmapscan = on
as $$
begin
  if by_words then
    return query
    select e.created_at, e.chat_id, e.version
    from events e
    where e.kind || '' = 'message'
      and e.text is not null
      and search_placed_words(e.chat_id, e.version, e.text) @@ search_in_place(query, search_place(chat, below - 1))
      and e.version < below
      and (e.created_at, e.chat_id, e.version)::search_hit < before
    order by e.version desc
    limit most;
  else
    return query select * from search_in_stretch(chat, below, before, query, most);
  end if;
end $$;
