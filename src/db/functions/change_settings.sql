-- A setting stays as it is where its argument is null; an empty title removes the title, and 0 the owner's number of days. The outcome is
-- 'too long' where the operator keeps messages for fewer days.
create or replace function change_settings(
  chat bigint, actor bigint, new_title text, read_only boolean, joins_closed boolean, guests boolean, days int
)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  old chats;
  fresh chats;
  at timestamptz := clock_timestamp();
  event_version bigint;
  rank text := lock_chat(chat, actor);
begin
  if rank <> 'owner' then
    return query select rank, null::bigint;
    return;
  end if;
  select c.* into old from chats c where c.id = chat;
  if days > kept_days(null, old.days_by_operator) then
    return query select 'too long', null::bigint;
    return;
  end if;
  update chats c set
      title = case when new_title is null then c.title else nullif(new_title, '') end,
      read_only_at = case when read_only is null then c.read_only_at
        when read_only then coalesce(c.read_only_at, at) end,
      joins_closed_at = case when joins_closed is null then c.joins_closed_at
        when joins_closed then coalesce(c.joins_closed_at, at) end,
      guests_off_at = case when guests is null then c.guests_off_at
        when not guests then coalesce(c.guests_off_at, at) end,
      days_by_owner = case when days is null then c.days_by_owner else nullif(days, 0) end
    where c.id = chat
    returning c.* into fresh;
  event_version := fresh.version;
  if fresh.title is distinct from old.title and fresh.title is not null then
    event_version := append_event(chat, 'renamed', actor, null, fresh.title);
  end if;
  if (fresh.title is null and old.title is not null)
    or fresh.read_only_at is distinct from old.read_only_at
    or fresh.joins_closed_at is distinct from old.joins_closed_at
    or fresh.guests_off_at is distinct from old.guests_off_at
    or fresh.days_by_owner is distinct from old.days_by_owner
  then
    event_version := append_event(chat, 'changed', actor, null, null);
  end if;
  return query select 'done', event_version;
end $$;
