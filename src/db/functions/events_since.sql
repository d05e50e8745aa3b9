-- What happened in the reader's chats that the snapshot `upto` sees and `after` does not, from a place on: chat by chat, each in the order of its
-- versions, at most `most`. Of a chat that they are no longer in it is why, and up to which version they were in it. The statement that calls
-- it decides what it sees; `upto` must not be later.
create or replace function events_since(
  reader bigint, after pg_snapshot, upto pg_snapshot, from_chat bigint, from_version bigint, most int
)
returns table (chat_id bigint, version bigint, gone text, uri text)
language plpgsql stable
as $$
#variable_conflict use_column
declare
  chat record;
  found_here int;
  room int := most;
begin
  if most <= 0 then
    return;
  end if;
  for chat in
    select c.id, m.since, c.version as newest, null as gone, null as uri
    from members m
    join chats c on c.id = m.chat_id
    cross join lateral (
      select e.xid from events e where e.chat_id = c.id order by e.version desc limit 1
    ) as last
    where m.user_id = reader and m.left_at is null and m.chat_id >= from_chat
      -- Null, which is before every cursor, does not pass either.
      and not pg_visible_in_snapshot(last.xid, after)
    union all
    select d.chat_id, null, d.version, d.kind, d.uri
    from (
      select distinct on (x.chat_id) x.chat_id, x.version, x.kind, x.uri, x.xid
      from membership_changes x
      -- Of what a snapshot does not see, nothing is before its xmin.
      where x.user_id = reader and x.xid >= pg_snapshot_xmin(after) and x.chat_id > from_chat
        and not pg_visible_in_snapshot(x.xid, after)
      order by x.chat_id, x.version desc
    ) d
    where d.kind <> 'joined' and pg_visible_in_snapshot(d.xid, upto)
    order by 1
  loop
    exit when room <= 0;
    if chat.gone is not null then
      return query select chat.id, chat.newest, chat.gone, chat.uri;
      found_here := 1;
    else
      return query
        select e.chat_id, e.version, null, null
        from events e
        where e.chat_id = chat.id
          and e.version > greatest(
            case when chat.id = from_chat then from_version else seen_version(chat.id, chat.newest, after) end,
            chat.since - 1
          )
          and e.version <= seen_version(chat.id, chat.newest, upto)
        order by e.version
        limit room;
      get diagnostics found_here = row_count;
    end if;
    room := room - found_here;
  end loop;
end $$;
