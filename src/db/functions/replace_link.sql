-- seconds: how long the new link lets people in; null: until it is replaced.
create or replace function replace_link(chat bigint, actor bigint, new_uri text, seconds int)
returns table (outcome text, version bigint, expires_at timestamptz)
language plpgsql
as $$
#variable_conflict use_variable
declare
  ends timestamptz := clock_timestamp() + make_interval(secs => seconds);
  rank text := lock_chat(chat, actor);
begin
  if rank <> 'owner' then
    return query select rank, null::bigint, null::timestamptz;
    return;
  end if;
  update links l set replaced_at = clock_timestamp() where l.chat_id = chat and l.replaced_at is null;
  insert into links (uri, chat_id, expires_at) values (new_uri, chat, ends);
  return query select 'done', append_event(chat, 'changed', actor, null, null), ends;
end $$;
