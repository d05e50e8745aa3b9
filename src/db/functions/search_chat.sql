-- The newest messages of a chat below a version that match. Looks into one stretch after the other until it has enough.
create or replace function search_chat(chat bigint, below bigint, query tsquery, most integer)
returns setof search_hit
language plpgsql stable
as $$
declare
  count integer;
  missing integer := most;
  deadline timestamptz := clock_timestamp() + interval '3 seconds';
begin
  perform require_search_index();
  while below > 1 and missing > 0 loop
    return query select * from search_in_stretch(chat, below, ('infinity', 0, 0), query, missing);
    get diagnostics count = row_count;
    missing := missing - count;
    below := (below - 1) / 8192 * 8192;
    if clock_timestamp() > deadline then
      raise exception 'The search took too long' using errcode = 'query_canceled';
    end if;
  end loop;
end $$;
