-- exactly: they join under their own name or not at all.
create or replace function join_by_link(link text, joiner bigint, exactly boolean)
returns table (outcome text, chat_id bigint, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  chat chats;
  who users;
  event_version bigint;
begin
  perform 1 from chats c where c.id = (select l.chat_id from links l where l.uri = link) for no key update;
  select c.* into chat from chats c join links l on l.chat_id = c.id where l.uri = link and c.deleted_at is null;
  select u.* into who from users u where u.id = joiner and u.deleted_at is null;
  if chat.id is null or who.id is null then
    return query select 'stranger', chat.id, chat.version;
    return;
  end if;
  if exists (select 1 from members m where m.chat_id = chat.id and m.user_id = joiner and m.left_at is null) then
    return query select 'again', chat.id, chat.version;
    return;
  end if;
  if not exists (
    select 1 from links l
    where l.uri = link and l.replaced_at is null and (l.expires_at is null or l.expires_at > clock_timestamp())
  ) then
    return query select 'stranger', chat.id, chat.version;
    return;
  end if;
  if exists (
    select 1 from bans b where b.chat_id = chat.id and b.user_id = joiner
    union all
    select 1 from bans b where b.chat_id = chat.id and b.visit_hash = who.visit_hash
  ) then
    return query select 'banned', chat.id, chat.version;
    return;
  end if;
  if chat.joins_closed_at is not null then
    return query select 'closed', chat.id, chat.version;
    return;
  end if;
  if who.kind = 'guest' and chat.guests_off_at is not null then
    return query select 'no guests', chat.id, chat.version;
    return;
  end if;

  if exactly and exists (
    select 1 from members m where m.chat_id = chat.id and m.folded_name = who.folded_name and m.left_at is null
  ) then
    return query select 'taken', chat.id, chat.version;
    return;
  end if;
  if exactly and exists (
    select 1 from members m where m.chat_id = chat.id and m.skeleton = who.skeleton and m.left_at is null
  ) then
    return query select 'lookalike', chat.id, chat.version;
    return;
  end if;
  event_version := admit(chat.id, joiner);
  -- Where the owner is gone and nobody could follow, the newcomer can.
  event_version := coalesce(pass_on(chat.id), event_version);
  return query select 'joined', chat.id, event_version;
end $$;
