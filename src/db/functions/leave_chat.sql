-- An owner can leave only if nobody else is in the chat and its link would let them in again.
create or replace function leave_chat(chat bigint, leaver bigint)
returns table (outcome text, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  rank text := lock_chat(chat, leaver);
begin
  if rank = 'stranger' then
    return query select rank, null::bigint;
    return;
  end if;
  if rank = 'owner' and (
    exists (select 1 from chats c where c.id = chat and (c.member_count > 1 or c.joins_closed_at is not null))
    or not exists (
      select 1 from links l
      where l.chat_id = chat and l.replaced_at is null and (l.expires_at is null or l.expires_at > clock_timestamp())
    )
  ) then
    return query select 'owner', null::bigint;
    return;
  end if;
  update members m set left_at = clock_timestamp() where m.chat_id = chat and m.user_id = leaver;
  update chats c set member_count = c.member_count - 1 where c.id = chat;
  return query select 'left', append_event(chat, 'left', leaver, null, null);
end $$;
