-- seconds: for how long the new one lets people in; null, until it is replaced.
create or replace function replace_link(chat bigint, actor bigint, new_uri text, seconds int)
returns table (outcome text, version bigint, expires_at timestamptz)
language plpgsql
as $$
#variable_conflict use_variable
declare
  rank text;
  ends timestamptz := clock_timestamp() + make_interval(secs => seconds);
begin
  perform 1 from chats c where c.id = chat for no key update;
  rank := standing(chat, actor);
  if rank <> 'owner' then
    return query select rank, null::bigint, null::timestamptz;
    return;
  end if;
  update links l set replaced_at = clock_timestamp() where l.chat_id = chat and l.replaced_at is null;
  insert into links (uri, chat_id, expires_at) values (new_uri, chat, ends);
  return query select 'done', append_event(chat, 'changed', actor, null, null), ends;
end $$;
