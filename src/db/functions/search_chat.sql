-- The newest messages of a chat below a version that match. Looks into one part after the other until it has enough.
create or replace function search_chat(chat bigint, below bigint, query tsquery, most integer)
returns setof search_hit
language plpgsql stable
as $$
declare
  count integer;
  missing integer := most;
  by_words boolean := search_by_words();
  size bigint := case when by_words then 2048 else 8192 end;
  words text := query;
  phrases text[];
  deadline timestamptz := clock_timestamp() + interval '3 seconds';
begin
  if by_words then
    -- What was posted of late is in a list that each look would go through. No more than gin_pending_list_limit is in it.
    perform gin_clean_pending_list('events_words');
    phrases := search_phrases(query);
    words := search_template(query, phrases);
  end if;
  while below > 1 and missing > 0 loop
    return query select * from search_in_part(by_words, chat, below, ('infinity', 0, 0), words, phrases, missing);
    get diagnostics count = row_count;
    missing := missing - count;
    -- Not part by part: the gap that an epoch leaves has hundreds of parts.
    select coalesce(max(e.version), 0) + 1 into below
    from events e
    where e.chat_id = chat and e.version < (below - 1) / size * size;
    if clock_timestamp() > deadline then
      raise exception 'The search took too long' using errcode = 'query_canceled';
    end if;
  end loop;
end $$;
