-- Whether a snapshot sees the chat's last event up to that version.
create or replace function is_seen(chat bigint, upto bigint, seen pg_snapshot)
returns boolean
language sql stable
as $$
  select coalesce((
    select e.xid is null or pg_visible_in_snapshot(e.xid, seen)
    from events e
    where e.chat_id = chat and e.version <= upto
    order by e.version desc
    limit 1
  ), true)
$$;
