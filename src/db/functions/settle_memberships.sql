-- Updates the user in their next chats after one: to a new name, to an account that was a guest, or, when the account was deleted, to a
-- member who has left and whose name is gone. A guest who has signed in to an account leaves their place to it. What a user owned who is
-- gone gets another owner. At most `most` chats at a time, as nobody can post in the chats that are locked meanwhile.
-- Returns each of these chats, with its version if that has changed.
create or replace function settle_memberships(who bigint, after bigint, most int)
returns table (chat_id bigint, version bigint)
language plpgsql
as $$
#variable_conflict use_variable
declare
  held bigint[];
  chat bigint;
  self users;
  mine members;
  chosen record;
  mark text;
  owns boolean;
  event_version bigint;
begin
  select u.* into self from users u where u.id = who;
  with taken as (
    select c.id
    from members m
    join chats c on c.id = m.chat_id
    where m.user_id = who and m.chat_id > after
      and (self.deleted_at is not null or (c.deleted_at is null and (m.left_at is null or c.owner_id = who)))
    order by m.chat_id
    limit most
    for no key update of c
  )
  select array_agg(t.id order by t.id) into held from taken t;
  -- Read again: the user may have changed while this waited for a chat.
  select u.* into self from users u where u.id = who;

  foreach chat in array coalesce(held, '{}') loop
    event_version := null;
    select m.* into mine from members m where m.chat_id = chat and m.user_id = who;
    owns := exists (select 1 from chats c where c.id = chat and c.owner_id = who);
    if self.deleted_at is not null then
      update members m
        set name = self.name, folded_name = self.folded_name, skeleton = self.skeleton, guest = false,
          left_at = coalesce(m.left_at, clock_timestamp())
        where m.chat_id = chat and m.user_id = who;
      update bans b set name = self.name where b.chat_id = chat and b.user_id = who;
      if mine.left_at is null then
        update chats c set member_count = c.member_count - 1 where c.id = chat;
        event_version := append_event(chat, 'left', who, null, null);
      elsif mine.name <> self.name then
        event_version := append_event(chat, 'named', who, null, null);
      end if;
    elsif self.became is not null then
      if mine.left_at is null then
        update members m set left_at = clock_timestamp() where m.chat_id = chat and m.user_id = who;
        update chats c set member_count = c.member_count - 1 where c.id = chat;
        event_version := append_event(chat, 'left', who, null, null);
      end if;
      if is_present(self.became)
        and not exists (select 1 from bans b where b.chat_id = chat and b.user_id = self.became)
      then
        if standing(chat, self.became) = 'stranger' then
          event_version := admit(chat, self.became);
          update members m set last_read = mine.last_read where m.chat_id = chat and m.user_id = self.became;
        end if;
        if owns then
          event_version := give_chat(chat, self.became);
        end if;
      end if;
    elsif mine.left_at is null then
      mark := '';
      if self.kind = 'account' then
        event_version := mark_namesakes(chat, who);
      elsif exists (
        select 1 from members m
        where m.chat_id = chat and m.folded_name = self.folded_name and not m.guest and m.left_at is null and m.user_id <> who
        union all
        select 1 from members m
        where m.chat_id = chat and m.skeleton = self.skeleton and not m.guest and m.left_at is null and m.user_id <> who
      ) then
        mark := 'guest';
      end if;
      select d.* into chosen from distinct_name(chat, who, self.name, self.folded_name, self.skeleton, mark) d;
      if mine.name <> chosen.name or mine.guest <> (self.kind = 'guest') then
        update members m
          set name = chosen.name, folded_name = chosen.folded_name, skeleton = chosen.skeleton,
            guest = (self.kind = 'guest')
          where m.chat_id = chat and m.user_id = who;
        event_version := append_event(chat, 'named', who, null, null);
      end if;
    end if;
    if owns then
      update chats c set accountless = (self.kind = 'guest')
        where c.id = chat and c.owner_id = who and c.accountless <> (self.kind = 'guest');
      event_version := coalesce(pass_on(chat), event_version);
    end if;
    return query select chat, event_version;
  end loop;
end $$;
