import { type Kysely, sql } from 'kysely'

/**
 * Functions as in migration 003: each takes the chat's row first, and judges in the statements after it whether whoever acts is the
 * owner then, however they came to be let in.
 */
export async function up(db: Kysely<unknown>) {
  // For a chat's links with those that were replaced, which go with it (delete_chat).
  await sql`create index links_of_chat on links (chat_id)`.execute(db)
  // For what is left of deleted chats (db/deleted-chats.ts).
  await sql`create index chats_deleted on chats (id) where deleted_at is not null`.execute(db)

  // What somebody is to a chat at this moment.
  await sql`
    create function standing(chat bigint, who bigint)
    returns text
    language sql stable
    as $$
      select coalesce((
        select case when c.owner_id = who then 'owner' else 'not owner' end
        from chats c
        join members m on m.chat_id = c.id and m.user_id = who and m.left_at is null
        where c.id = chat and c.deleted_at is null
      ), 'stranger')
    $$`.execute(db)

  // An owner goes only where nobody is left without one, and they can come back by the link.
  await sql`
    create function leave_chat(chat bigint, leaver bigint)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, leaver);
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
    end $$`.execute(db)

  // bans: for good; whoever has gone by now can still be banned.
  await sql`
    create function remove_member(chat bigint, actor bigint, target bigint, bans boolean)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
      gone members;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, actor);
      if rank <> 'owner' then
        return query select rank, null::bigint;
        return;
      elsif target = actor then
        return query select 'yourself', null::bigint;
        return;
      end if;
      select m.* into gone from members m where m.chat_id = chat and m.user_id = target;
      if gone.user_id is null or (gone.left_at is not null and not bans) then
        return query select 'absent', null::bigint;
        return;
      end if;
      if bans then
        insert into bans (chat_id, user_id, name, visit_hash)
          select chat, u.id, gone.name, u.visit_hash from users u where u.id = target
          on conflict do nothing;
      end if;
      if gone.left_at is not null then
        return query select 'done', c.version from chats c where c.id = chat;
        return;
      end if;
      update members m set left_at = clock_timestamp() where m.chat_id = chat and m.user_id = target;
      update chats c set member_count = c.member_count - 1 where c.id = chat;
      return query select 'done', append_event(chat, 'removed', target, null, null);
    end $$`.execute(db)

  await sql`
    create function lift_ban(chat bigint, actor bigint, target bigint)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, actor);
      if rank <> 'owner' then
        return query select rank, null::bigint;
        return;
      end if;
      delete from bans b where b.chat_id = chat and b.user_id = target;
      if not found then
        return query select 'absent', null::bigint;
        return;
      end if;
      return query select 'done', c.version from chats c where c.id = chat;
    end $$`.execute(db)

  await sql`
    create function hand_over(chat bigint, actor bigint, heir bigint)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, actor);
      if rank <> 'owner' then
        return query select rank, null::bigint;
        return;
      elsif heir = actor then
        return query select 'yourself', null::bigint;
        return;
      elsif standing(chat, heir) = 'stranger' then
        return query select 'absent', null::bigint;
        return;
      elsif not exists (select 1 from users u where u.id = heir and u.kind = 'account' and u.deleted_at is null) then
        return query select 'guest', null::bigint;
        return;
      end if;
      update chats c set owner_id = heir where c.id = chat;
      return query select 'done', append_event(chat, 'owner', heir, null, null);
    end $$`.execute(db)

  // What is null stays as it is; an empty title takes the title away.
  await sql`
    create function change_chat(
      chat bigint, actor bigint, new_title text, read_only boolean, joins_closed boolean, guests boolean
    )
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
      old chats;
      fresh chats;
      at timestamptz := clock_timestamp();
      turn bigint;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, actor);
      if rank <> 'owner' then
        return query select rank, null::bigint;
        return;
      end if;
      select c.* into old from chats c where c.id = chat;
      update chats c set
          title = case when new_title is null then c.title else nullif(new_title, '') end,
          read_only_at = case when read_only is null then c.read_only_at
            when read_only then coalesce(c.read_only_at, at) end,
          joins_closed_at = case when joins_closed is null then c.joins_closed_at
            when joins_closed then coalesce(c.joins_closed_at, at) end,
          guests_off_at = case when guests is null then c.guests_off_at
            when not guests then coalesce(c.guests_off_at, at) end
        where c.id = chat
        returning c.* into fresh;
      turn := fresh.version;
      if fresh.title is distinct from old.title and fresh.title is not null then
        turn := append_event(chat, 'renamed', actor, null, fresh.title);
      end if;
      if (fresh.title is null and old.title is not null)
        or fresh.read_only_at is distinct from old.read_only_at
        or fresh.joins_closed_at is distinct from old.joins_closed_at
        or fresh.guests_off_at is distinct from old.guests_off_at
      then
        turn := append_event(chat, 'changed', actor, null, null);
      end if;
      return query select 'done', turn;
    end $$`.execute(db)

  // seconds: for how long the new one lets people in; null, until it is replaced.
  await sql`
    create function replace_link(chat bigint, actor bigint, new_uri text, seconds int)
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
    end $$`.execute(db)

  // Its name is typed as pages show it. Nobody finds the chat from then on; its rows go later (db/deleted-chats.ts).
  await sql`
    create function delete_chat(chat bigint, actor bigint, typed text)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
    #variable_conflict use_variable
    declare
      rank text;
      turn bigint;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      rank := standing(chat, actor);
      if rank <> 'owner' then
        return query select rank, null::bigint;
        return;
      elsif not exists (
        select 1 from chats c join users u on u.id = c.owner_id
        where c.id = chat and shown_words(coalesce(c.title, 'Chat started by ' || u.name)) = shown_words(typed)
      ) then
        return query select 'misnamed', null::bigint;
        return;
      end if;
      delete from links l where l.chat_id = chat;
      update members m set left_at = clock_timestamp() where m.chat_id = chat and m.left_at is null;
      update chats c set deleted_at = clock_timestamp(), member_count = 0, version = c.version + 1
        where c.id = chat
        returning c.version into turn;
      return query select 'done', turn;
    end $$`.execute(db)

  // A text as a browser shows it in one line: keyboards compose letters otherwise, and nobody can type a line break there.
  await sql`
    create function shown_words(text text)
    returns text
    language sql immutable
    as $$ select btrim(regexp_replace(normalize(text, NFC), '[[:space:]]+', ' ', 'g')) $$`.execute(db)
}
