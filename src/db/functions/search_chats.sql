-- The same as search_chat over all chats of a member: the newest messages by time, before a hit. Once there are enough hits, it looks into
-- no chat, and no part of a chat, that is older than the oldest of them.
create or replace function search_chats(reader bigint, before search_hit, query tsquery, most integer)
returns setof search_hit
language plpgsql stable
as $$
declare
  hits search_hit[] := '{}';
  oldest timestamptz := '-infinity';
  began timestamptz;
  chat record;
  upto bigint;
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
  for chat in
    select c.id, c.version, c.last_posted_at
    from members m
    join chats c on c.id = m.chat_id and c.deleted_at is null
    join links l on l.chat_id = c.id and l.replaced_at is null
    where m.user_id = reader and m.left_at is null
    order by c.last_posted_at desc, c.id desc
  loop
    exit when chat.last_posted_at < oldest;
    upto := chat.version + 1;
    while upto > 1 loop
      -- When the part began. All before it is older. Nothing is before the first part.
      began := '-infinity';
      if upto > size then
        select e.created_at into began
        from events e
        where e.chat_id = chat.id and e.version >= (upto - 1) / size * size
        order by e.version
        limit 1;
      end if;
      if began <= before.created_at then
        hits := array(
          select h
          from (
            select unnest(hits) as h
            union all
            select s from search_in_part(by_words, chat.id, upto, before, words, phrases, most) s
          ) found
          order by h desc
          limit most
        );
        if cardinality(hits) = most then
          oldest := hits[most].created_at;
        end if;
      end if;
      exit when began < oldest;
      -- Not part by part: the gap that an epoch leaves has hundreds of parts.
      select coalesce(max(e.version), 0) + 1 into upto
      from events e
      where e.chat_id = chat.id and e.version < (upto - 1) / size * size;
      if clock_timestamp() > deadline then
        raise exception 'The search took too long' using errcode = 'query_canceled';
      end if;
    end loop;
  end loop;
  return query select h.* from unnest(hits) h;
end $$;
