-- Posts many messages at once and judges each on its own: db/messages.ts postMessages says what the outcomes mean.
-- reply_tos: the message that each answers. names: for each, the names behind its @s, folded, as a JSON array.
-- wait: whether to wait for chats that others have locked. If not, the posts to these are 'busy'.
-- A message that was edited or deleted has no hash of its first text: a post with the same key is 'again', whatever its text.
-- `for no key update` is enough to let one call follow the other, and does not block the foreign-key checks of others.
create or replace function post_messages(
  chat_ids bigint[], author_ids bigint[], texts text[], keys text[], reply_tos bigint[], names text[], wait boolean
)
returns table (ord bigint, outcome text, chat_id bigint, version bigint, created_at timestamptz)
language plpgsql
as $$
#variable_conflict use_column
declare
  held bigint[];
  posted_at timestamptz;
begin
  if wait then
    with taken as (select id from chats where id = any(chat_ids) order by id for no key update)
    select array_agg(id) into held from taken;
  else
    with taken as (select id from chats where id = any(chat_ids) order by id for no key update skip locked)
    select array_agg(id) into held from taken;
  end if;
  posted_at := clock_timestamp();

  return query
  with input as (
    select t.*, case when t.key is not null then sha256(convert_to(t.text, 'UTF8')) end as text_hash
    from unnest(chat_ids, author_ids, texts, keys, reply_tos, names) with ordinality
      as t (chat_id, author_id, text, key, reply_to, names, ord)
  ),
  judged as (
    select i.*, e.version as old_version, e.created_at as old_created_at,
      case
        when c.id is null then 'stranger'
        when c.id = any(held) is not true then 'busy'
        when m.user_id is null or m.left_at is not null or c.deleted_at is not null then 'stranger'
        when e.version is not null then case when e.text_hash is null or e.text_hash = i.text_hash then 'again' else 'conflict' end
        when c.read_only_at is not null then 'read only'
        when char_length(i.text) not between 1 and 2000 then 'refused'
        when i.reply_to is not null and r.version is null then 'unanswerable'
      end as verdict
    from input i
    left join chats c on c.id = i.chat_id
    -- By the primary key: with left_at among the conditions an index of the chat's members by name will do as well for a planner
    -- that knows nothing of the table, and reads them all.
    left join members m on m.chat_id = i.chat_id and m.user_id = i.author_id
    left join events e on e.chat_id = i.chat_id and e.author_id = i.author_id and e.key = i.key
    left join events r on r.chat_id = i.chat_id and r.version = i.reply_to and r.kind = 'message'
      and r.deleted_at is null
  ),
  -- Of posts with the same key in one call the first is stored and the others follow it.
  grouped as (
    select j.*, verdict is null and ord = min(ord) filter (where verdict is null) over same as leads,
      min(ord) filter (where verdict is null) over same as leader,
      first_value(text_hash) over (same order by verdict is not null, ord) as leader_hash
    from judged j
    window same as (partition by chat_id, author_id, coalesce('key ' || key, 'ord ' || ord))
  ),
  placed as (
    select g.*, count(*) filter (where leads) over (partition by chat_id order by ord) as place
    from grouped g
  ),
  advanced as (
    update chats c
    set version = c.version + n.count, last_message = c.version + n.count, last_shown = c.version + n.count,
      last_posted_at = posted_at
    from (
      select p.chat_id, max(p.place) as count, o.last_shown
      from placed p
      join chats o on o.id = p.chat_id
      where p.leads
      group by p.chat_id, o.last_shown
    ) n
    where c.id = n.chat_id
    returning c.id, c.version - n.count as base, n.last_shown as shown_before
  ),
  done as (
    insert into events
      (chat_id, version, kind, author_id, text, key, text_hash, created_at, reply_to, mentions, previous)
    select p.chat_id, a.base + p.place, 'message', p.author_id, p.text, p.key, p.text_hash, posted_at, p.reply_to,
      case when p.names is not null then mentioned(p.chat_id, p.names) end,
      case when p.place = 1 then nullif(a.shown_before, a.base) end
    from placed p
    join advanced a on a.id = p.chat_id
    where p.leads
    returning chat_id, version, author_id, mentions
  ),
  named as (
    insert into mentions (user_id, chat_id, version)
    select distinct n.value::bigint, d.chat_id, d.version
    from done d, jsonb_each(d.mentions) n
    where n.value::bigint <> d.author_id
  )
  select p.ord,
    case
      when p.verdict is not null then p.verdict
      when p.leads then 'posted'
      when p.text_hash = p.leader_hash then 'again'
      else 'conflict'
    end,
    p.chat_id,
    case
      when p.verdict is null then a.base + first_value(p.place) over (partition by p.leader order by p.ord)
      else p.old_version
    end,
    case when p.verdict is null then posted_at else p.old_created_at end
  from placed p
  left join advanced a on a.id = p.chat_id
  order by p.ord;
end $$;
