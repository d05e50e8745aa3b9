-- A database made by commit ed03e3a, as version 0.1 left it. The accounts' password is: correct horse battery

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE TYPE public.search_hit AS (
	created_at timestamp with time zone,
	chat_id bigint,
	version bigint
);

CREATE FUNCTION public.append_event(changed_chat bigint, kind text, author bigint, about bigint, text text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      turn bigint;
      shown_before bigint;
    begin
      select c.last_shown into shown_before from chats c where c.id = changed_chat;
      update chats c
        set version = c.version + 1, last_shown = case when about is null then c.version + 1 else c.last_shown end
        where c.id = changed_chat
        returning c.version into turn;
      insert into events (chat_id, version, kind, about, author_id, text, previous, created_at)
        values (changed_chat, turn, kind, about, author, text, nullif(shown_before, turn - 1), clock_timestamp());
      return turn;
    end $$;

CREATE FUNCTION public.change_chat(chat bigint, actor bigint, new_title text, read_only boolean, joins_closed boolean, guests boolean) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.delete_chat(chat bigint, actor bigint, typed text) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.delete_message(chat bigint, deleter bigint, message bigint) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      old events;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      select e.* into old from events e
        join members m on m.chat_id = e.chat_id and m.user_id = deleter and m.left_at is null
        where e.chat_id = chat and e.version = message and e.kind = 'message'
          and exists (select 1 from chats c where c.id = chat and c.deleted_at is null);
      if old.version is null then
        return query select 'gone', null::bigint;
      elsif old.author_id <> deleter and not exists (select 1 from chats c where c.id = chat and c.owner_id = deleter) then
        return query select 'not yours', null::bigint;
      elsif old.deleted_at is not null then
        return query select 'again', c.version from chats c where c.id = chat;
      else
        update events e
          set text = null, deleted_at = clock_timestamp(), edited_at = null, mentions = null, reactions = null
          where e.chat_id = chat and e.version = message;
        delete from mentions n where n.chat_id = chat and n.version = message;
        delete from reactions r where r.chat_id = chat and r.version = message;
        return query select 'deleted', append_event(chat, 'deleted', deleter, message, null);
      end if;
    end $$;

CREATE FUNCTION public.edit_message(chat bigint, editor bigint, message bigint, new_text text, names text) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      old events;
      resolved jsonb;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      select e.* into old from events e
        join members m on m.chat_id = e.chat_id and m.user_id = editor and m.left_at is null
        where e.chat_id = chat and e.version = message and e.kind = 'message'
          and exists (select 1 from chats c where c.id = chat and c.deleted_at is null);
      if old.version is null or old.deleted_at is not null then
        return query select 'gone', null::bigint;
      elsif old.author_id <> editor then
        return query select 'not yours', null::bigint;
      elsif exists (select 1 from chats c where c.id = chat and c.read_only_at is not null) then
        return query select 'read only', null::bigint;
      elsif char_length(new_text) not between 1 and 2000 then
        return query select 'refused', null::bigint;
      elsif old.text = new_text then
        return query select 'same', c.version from chats c where c.id = chat;
      else
        resolved := case when names is not null then mentioned(chat, names) end;
        update events e set text = new_text, edited_at = clock_timestamp(), mentions = resolved
          where e.chat_id = chat and e.version = message;
        delete from mentions n where n.chat_id = chat and n.version = message;
        insert into mentions (user_id, chat_id, version)
          select distinct n.value::bigint, chat, message from jsonb_each(resolved) n where n.value::bigint <> editor;
        return query select 'edited', append_event(chat, 'edited', editor, message, null);
      end if;
    end $$;

CREATE FUNCTION public.free_name(chat bigint, wanting bigint, wanted text, folded text, mark text) RETURNS TABLE(name text, folded_name text)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      number int := 1;
      ending text := case when mark = '' then '' else ' (' || mark || ')' end;
    begin
      while exists (
        select 1 from members m
        where m.chat_id = chat and m.folded_name = folded || ending and m.left_at is null and m.user_id <> wanting
      ) loop
        number := number + 1;
        ending := ' (' || ltrim(mark || ' ' || number) || ')';
      end loop;
      return query select wanted || ending, folded || ending;
    end $$;

CREATE FUNCTION public.hand_over(chat bigint, actor bigint, heir bigint) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.join_chat(link text, joiner bigint, exactly boolean) RETURNS TABLE(outcome text, chat_id bigint, version bigint)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      chat chats;
      who users;
      namesake record;
      chosen record;
      turn bigint;
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

      select m.user_id, m.name, m.folded_name, m.guest into namesake from members m
        where m.chat_id = chat.id and m.folded_name = who.folded_name and m.left_at is null;
      if namesake.user_id is not null and exactly then
        return query select 'taken', chat.id, chat.version;
        return;
      end if;
      if namesake.guest and who.kind = 'account' then
        -- Nobody passes for an account by having been here first.
        update members m set (name, folded_name) = (
            select f.name, f.folded_name
            from free_name(chat.id, namesake.user_id, namesake.name, namesake.folded_name, 'guest') f
          )
          where m.chat_id = chat.id and m.user_id = namesake.user_id;
        perform append_event(chat.id, 'named', namesake.user_id, null, null);
      end if;

      select f.* into chosen from free_name(chat.id, joiner, who.name, who.folded_name, '') f;
      insert into members as m (chat_id, user_id, name, folded_name, guest, last_read)
        values (chat.id, joiner, chosen.name, chosen.folded_name, who.kind = 'guest', 0)
        on conflict on constraint members_pkey do update
        set left_at = null, joined_at = clock_timestamp(), name = excluded.name, folded_name = excluded.folded_name,
          guest = excluded.guest;
      update chats c set member_count = c.member_count + 1 where c.id = chat.id;
      turn := append_event(chat.id, 'joined', joiner, null, null);
      -- What was said before they came is not news to them.
      update members m set last_read = turn where m.chat_id = chat.id and m.user_id = joiner;
      return query select 'joined', chat.id, turn;
    end $$;

CREATE FUNCTION public.leave_chat(chat bigint, leaver bigint) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.lift_ban(chat bigint, actor bigint, target bigint) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.mentioned(chat bigint, names text) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
      select jsonb_object_agg(m.folded_name, m.user_id)
      from jsonb_array_elements_text(names::jsonb) n
      join members m on m.chat_id = chat and m.folded_name = n and m.left_at is null
    $$;

CREATE FUNCTION public.post_messages(chat_ids bigint[], author_ids bigint[], texts text[], keys text[], reply_tos bigint[], names text[], wait boolean) RETURNS TABLE(ord bigint, outcome text, chat_id bigint, version bigint, created_at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
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
            when e.version is not null then case when e.text_hash = i.text_hash then 'again' else 'conflict' end
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
      turn as (
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
        select p.chat_id, t.base + p.place, 'message', p.author_id, p.text, p.key, p.text_hash, posted_at, p.reply_to,
          case when p.names is not null then mentioned(p.chat_id, p.names) end,
          case when p.place = 1 then nullif(t.shown_before, t.base) end
        from placed p
        join turn t on t.id = p.chat_id
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
          when p.verdict is null then t.base + first_value(p.place) over (partition by p.leader order by p.ord)
          else p.old_version
        end,
        case when p.verdict is null then posted_at else p.old_created_at end
      from placed p
      left join turn t on t.id = p.chat_id
      order by p.ord;
    end $$;

CREATE FUNCTION public.react(chat bigint, reacter bigint, message bigint, chosen text, adds boolean) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      counted int;
    begin
      perform 1 from chats c where c.id = chat for no key update;
      if not exists (
        select 1 from events e
        join members m on m.chat_id = e.chat_id and m.user_id = reacter and m.left_at is null
        join chats c on c.id = e.chat_id and c.deleted_at is null
        where e.chat_id = chat and e.version = message and e.kind = 'message' and e.deleted_at is null
      ) then
        return query select 'gone', null::bigint;
        return;
      elsif exists (select 1 from chats c where c.id = chat and c.read_only_at is not null) then
        return query select 'read only', null::bigint;
        return;
      end if;
      if adds then
        insert into reactions (chat_id, version, user_id, emoji) values (chat, message, reacter, chosen)
          on conflict do nothing;
      else
        delete from reactions r
          where r.chat_id = chat and r.version = message and r.user_id = reacter and r.emoji = chosen;
      end if;
      if not found then
        return query select 'same', c.version from chats c where c.id = chat;
        return;
      end if;
      select coalesce((e.reactions ->> chosen)::int, 0) + case when adds then 1 else -1 end into counted
        from events e where e.chat_id = chat and e.version = message;
      update events e
        set reactions = nullif(
          case
            when counted > 0 then jsonb_set(coalesce(e.reactions, '{}'), array[chosen], to_jsonb(counted))
            else e.reactions - chosen
          end, '{}')
        where e.chat_id = chat and e.version = message;
      return query select 'reacted', append_event(chat, 'reacted', reacter, message, null);
    end $$;

CREATE FUNCTION public.remove_member(chat bigint, actor bigint, target bigint, bans boolean) RETURNS TABLE(outcome text, version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.replace_link(chat bigint, actor bigint, new_uri text, seconds integer) RETURNS TABLE(outcome text, version bigint, expires_at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.search_chat(chat bigint, below bigint, query tsquery, most integer) RETURNS SETOF public.search_hit
    LANGUAGE plpgsql STABLE
    AS $$
    declare
      count integer;
      missing integer := most;
      deadline timestamptz := clock_timestamp() + interval '3 seconds';
    begin
      while below > 1 and missing > 0 loop
        return query select * from search_in_stretch(chat, below, ('infinity', 0, 0), query, missing);
        get diagnostics count = row_count;
        missing := missing - count;
        below := (below - 1) / 8192 * 8192;
        if clock_timestamp() > deadline then
          raise exception 'The search took too long' using errcode = 'query_canceled';
        end if;
      end loop;
    end $$;

CREATE FUNCTION public.search_chats(reader bigint, before public.search_hit, query tsquery, most integer) RETURNS SETOF public.search_hit
    LANGUAGE plpgsql STABLE
    AS $$
    declare
      hits search_hit[] := '{}';
      oldest timestamptz := '-infinity';
      began timestamptz;
      chat record;
      upto bigint;
      deadline timestamptz := clock_timestamp() + interval '3 seconds';
    begin
      for chat in
        select c.id, c.version, c.last_posted_at
        from members m
        join chats c on c.id = m.chat_id and c.deleted_at is null
        join links l on l.chat_id = c.id and l.replaced_at is null
        where m.user_id = reader and m.left_at is null
        order by c.last_posted_at desc, c.id desc
      loop
        exit when chat.last_posted_at < oldest;
        upto := chat.version + 1;
        while upto > 1 loop
          -- When the stretch began, and all before it is older.
          select e.created_at into began
          from events e
          where e.chat_id = chat.id and e.version >= (upto - 1) / 8192 * 8192
          order by e.version
          limit 1;
          if began <= before.created_at then
            hits := array(
              select h
              from (
                select unnest(hits) as h
                union all
                select s from search_in_stretch(chat.id, upto, before, query, most) s
              ) found
              order by h desc
              limit most
            );
            if cardinality(hits) = most then
              oldest := hits[most].created_at;
            end if;
          end if;
          exit when began < oldest;
          upto := (upto - 1) / 8192 * 8192;
          if clock_timestamp() > deadline then
            raise exception 'The search took too long' using errcode = 'query_canceled';
          end if;
        end loop;
      end loop;
      return query select h.* from unnest(hits) h;
    end $$;

CREATE FUNCTION public.search_fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN (octet_length($1) = char_length($1)) THEN lower($1) ELSE NORMALIZE(replace(replace(replace(translate(lower(regexp_replace(NORMALIZE($1, NFKD), '[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u00ad]'::text, ''::text, 'g'::text)), 'ςıøłđħŧ'::text, 'σioldht'::text), 'ß'::text, 'ss'::text), 'æ'::text, 'ae'::text), 'œ'::text, 'oe'::text), NFKC) END;

CREATE FUNCTION public.search_in_stretch(chat bigint, below bigint, before public.search_hit, query tsquery, most integer) RETURNS SETOF public.search_hit
    LANGUAGE plpgsql STABLE
    SET enable_bitmapscan TO 'on'
    AS $$
    begin
      return query
      select e.created_at, e.chat_id, e.version
      from events e
      where e.kind || '' = 'message'
        and e.text is not null
        and search_vector(e.chat_id, e.version, e.text)
          @@ (quote_literal(search_stretch(chat, below - 1))::tsquery && query)
        and e.version < below
        and (e.created_at, e.chat_id, e.version)::search_hit < before
      order by e.version desc
      limit most;
    end $$;

CREATE FUNCTION public.search_query(text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (regexp_replace((websearch_to_tsquery('simple'::regconfig, public.search_fold($1)))::text, '''([\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a]*)'''::text, '''\1'':*'::text, 'g'::text))::tsquery;

CREATE FUNCTION public.search_stretch(chat_id bigint, version bigint) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (((chat_id)::text || '/'::text) || ((version / 8192))::text);

CREATE FUNCTION public.search_text(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(CASE WHEN (octet_length($1) = char_length($1)) THEN lower($1) ELSE regexp_replace(regexp_replace(regexp_replace(public.search_fold($1), '[\u0080-\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff\u0375\u037e\u0384-\u0385\u0387\u03f6\u0482\u055a-\u055f\u0589-\u058f\u05be\u05f3-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd-\u06de\u06e9\u06fd-\u06fe\u0700-\u070f\u07f6-\u07f9\u07fe-\u07ff\u0830-\u083e\u085e\u0888\u0890-\u0891\u08e2\u0964-\u0965\u0970\u09f2-\u09f3\u09fa-\u09fb\u09fd\u0a76\u0af0-\u0af1\u0b70\u0bf3-\u0bfa\u0c77\u0c7f\u0c84\u0d4f\u0d79\u0df4\u0e3f\u0e4f\u0e5a-\u0e5b\u0f01-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85\u0fbe-\u0fc5\u0fc7-\u0fda\u104a-\u104f\u109e-\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d-\u166e\u1680\u169b-\u169c\u16eb-\u16ed\u1735-\u1736\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u180e\u1940-\u1945\u19de-\u19ff\u1a1e-\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad\u1b4e-\u1b4f\u1b5a-\u1b6a\u1b74-\u1b7f\u1bfc-\u1bff\u1c3b-\u1c3f\u1c7e-\u1c7f\u1cc0-\u1cc7\u1cd3\u1fbd-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef\u1ffd-\u20c1\u2100-\u212e\u213a-\u214d\u214f\u218a-\u24e9\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3036-\u3037\u303d-\u303f\u309b-\u309c\u30a0\u30fb\u3190-\u319f\u31c0-\u31ef\u3200-\u3247\u3250-\u33ff\u4dc0-\u4dff\ua490-\ua4c6\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a\ua828-\ua82b\ua836-\ua839\ua874-\ua877\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd\ua9de-\ua9df\uaa5c-\uaa5f\uaa77-\uaa79\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb\ufb29-\ufdff\ufe10-\ufe19\ufe30-\ufe6b\ufeff-\ufffd\U00010100-\U00010102\U00010137-\U0001013f\U00010179-\U00010189\U0001018c-\U000101fc\U0001039f\U000103d0\U0001056f\U00010857\U00010877-\U00010878\U0001091f\U0001093f\U00010a50-\U00010a58\U00010a7f\U00010ac8\U00010af0-\U00010af6\U00010b39-\U00010b3f\U00010b99-\U00010b9c\U00010d6e\U00010d8e-\U00010d8f\U00010ead\U00010ed0-\U00010ed8\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047-\U0001104d\U000110bb-\U000110c1\U000110cd\U00011140-\U00011143\U00011174-\U00011175\U000111c5-\U000111c8\U000111cd\U000111db\U000111dd-\U000111df\U00011238-\U0001123d\U000112a9\U000113d4-\U000113d8\U0001144b-\U0001144f\U0001145a-\U0001145d\U000114c6\U000115c1-\U000115d7\U00011641-\U00011643\U00011660-\U0001166c\U000116b9\U0001173c-\U0001173f\U0001183b\U00011944-\U00011946\U000119e2\U00011a3f-\U00011a46\U00011a9a-\U00011a9c\U00011a9e-\U00011aa2\U00011b00-\U00011b09\U00011be1\U00011c41-\U00011c45\U00011c70-\U00011c71\U00011ef7-\U00011ef8\U00011f43-\U00011f4f\U00011fd5-\U00011fff\U00012470-\U00012474\U00012ff1-\U00012ff2\U00013430-\U0001343f\U00016a6e-\U00016a6f\U00016af5\U00016b37-\U00016b3f\U00016b44-\U00016b45\U00016d6d-\U00016d6f\U00016e97-\U00016e9a\U00016fe2\U0001bc9c\U0001bc9f-\U0001cef0\U0001cf50-\U0001d164\U0001d16a-\U0001d16c\U0001d173-\U0001d17a\U0001d183-\U0001d184\U0001d18c-\U0001d1a9\U0001d1ae-\U0001d241\U0001d245\U0001d300-\U0001d356\U0001d6c1-\U0001d9ff\U0001da37-\U0001da3a\U0001da6d-\U0001da74\U0001da76-\U0001da83\U0001da85-\U0001da8b\U0001e14f\U0001e2ff\U0001e5ff\U0001e95e-\U0001e95f\U0001ecac\U0001ecb0\U0001ed2e\U0001eef0-\U0001f0f5\U0001f10d-\U0001fbfa]'::text, ' '::text, 'g'::text), '((?:[\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a]*)+)'::text, ' \1 '::text, 'g'::text), '([\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a]*)'::text, '\1 \1'::text, 'g'::text) END, '[!-/:-@[-`{-~]'::text, ' '::text, 'g'::text);

CREATE FUNCTION public.search_vector(chat_id bigint, version bigint, text text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (array_to_tsvector(ARRAY[public.search_stretch(chat_id, version)]) || to_tsvector('simple'::regconfig, public.search_text(text)));

CREATE FUNCTION public.settle_memberships(who bigint, after bigint, most integer) RETURNS TABLE(chat_id bigint, version bigint)
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_variable
    declare
      held bigint[];
      chat bigint;
      self users;
      mine members;
      chosen record;
      namesake record;
      mark text;
      heir bigint;
      turn bigint;
    begin
      select u.* into self from users u where u.id = who;
      with taken as (
        select c.id
        from members m
        join chats c on c.id = m.chat_id
        where m.user_id = who and m.chat_id > after and (m.left_at is null or self.deleted_at is not null)
        order by m.chat_id
        limit most
        for no key update of c
      )
      select array_agg(t.id order by t.id) into held from taken t;
      -- Once more: whoever waited for a chat may have waited for a later name.
      select u.* into self from users u where u.id = who;

      foreach chat in array coalesce(held, '{}') loop
        turn := null;
        select m.* into mine from members m where m.chat_id = chat and m.user_id = who;
        if self.deleted_at is not null then
          update members m
            set name = self.name, folded_name = self.folded_name, guest = false,
              left_at = coalesce(m.left_at, clock_timestamp())
            where m.chat_id = chat and m.user_id = who;
          update bans b set name = self.name where b.chat_id = chat and b.user_id = who;
          if mine.left_at is null then
            update chats c set member_count = c.member_count - 1 where c.id = chat;
            turn := append_event(chat, 'left', who, null, null);
          elsif mine.name <> self.name then
            turn := append_event(chat, 'named', who, null, null);
          end if;
          if exists (select 1 from chats c where c.id = chat and c.owner_id = who) then
            select m.user_id into heir from members m
              where m.chat_id = chat and m.left_at is null and not m.guest
              order by m.joined_at, m.user_id
              limit 1;
            if heir is not null then
              update chats c set owner_id = heir where c.id = chat;
              turn := append_event(chat, 'owner', heir, null, null);
            end if;
          end if;
        elsif mine.left_at is null then
          select m.user_id, m.name, m.folded_name, m.guest into namesake from members m
            where m.chat_id = chat and m.folded_name = self.folded_name and m.left_at is null and m.user_id <> who;
          mark := '';
          if namesake.guest and self.kind = 'account' then
            -- As when somebody joins: nobody passes for an account by having been here first.
            update members m set (name, folded_name) = (
                select f.name, f.folded_name
                from free_name(chat, namesake.user_id, namesake.name, namesake.folded_name, 'guest') f
              )
              where m.chat_id = chat and m.user_id = namesake.user_id;
            turn := append_event(chat, 'named', namesake.user_id, null, null);
          elsif not namesake.guest and self.kind = 'guest' then
            mark := 'guest';
          end if;
          select f.* into chosen from free_name(chat, who, self.name, self.folded_name, mark) f;
          if mine.name <> chosen.name or mine.guest <> (self.kind = 'guest') then
            update members m
              set name = chosen.name, folded_name = chosen.folded_name, guest = (self.kind = 'guest')
              where m.chat_id = chat and m.user_id = who;
            turn := append_event(chat, 'named', who, null, null);
          end if;
        end if;
        return query select chat, turn;
      end loop;
    end $$;

CREATE FUNCTION public.shown_words(text text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ select btrim(regexp_replace(normalize(text, NFC), '[[:space:]]+', ' ', 'g')) $$;

CREATE FUNCTION public.standing(chat bigint, who bigint) RETURNS text
    LANGUAGE sql STABLE
    AS $$
      select coalesce((
        select case when c.owner_id = who then 'owner' else 'not owner' end
        from chats c
        join members m on m.chat_id = c.id and m.user_id = who and m.left_at is null
        where c.id = chat and c.deleted_at is null
      ), 'stranger')
    $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.bans (
    chat_id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    visit_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.chats (
    id bigint NOT NULL,
    owner_id bigint NOT NULL,
    title text,
    version bigint DEFAULT 0 NOT NULL,
    member_count integer DEFAULT 0 NOT NULL,
    last_message bigint,
    last_posted_at timestamp with time zone DEFAULT now() NOT NULL,
    read_only_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    joins_closed_at timestamp with time zone,
    guests_off_at timestamp with time zone,
    deleted_at timestamp with time zone,
    last_shown bigint DEFAULT 0 NOT NULL,
    CONSTRAINT chats_check CHECK ((last_message <= version)),
    CONSTRAINT chats_member_count_check CHECK ((member_count >= 0)),
    CONSTRAINT chats_title_check CHECK (((char_length(title) >= 1) AND (char_length(title) <= 200))),
    CONSTRAINT chats_version_check CHECK ((version >= 0))
);

ALTER TABLE public.chats ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chats_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.events (
    chat_id bigint NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    about bigint,
    author_id bigint NOT NULL,
    text text,
    key text,
    text_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    edited_at timestamp with time zone,
    deleted_at timestamp with time zone,
    reply_to bigint,
    mentions jsonb,
    reactions jsonb,
    previous bigint,
    CONSTRAINT events_check CHECK ((about < version)),
    CONSTRAINT events_check1 CHECK (((text IS NOT NULL) = ((kind = 'renamed'::text) OR ((kind = 'message'::text) AND (deleted_at IS NULL))))),
    CONSTRAINT events_check2 CHECK (((key IS NULL) = (text_hash IS NULL))),
    CONSTRAINT events_check3 CHECK ((reply_to < version)),
    CONSTRAINT events_check4 CHECK ((previous < version)),
    CONSTRAINT events_check5 CHECK (((about IS NOT NULL) = (kind = ANY (ARRAY['edited'::text, 'deleted'::text, 'reacted'::text])))),
    CONSTRAINT events_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
    CONSTRAINT events_kind_check CHECK ((kind = ANY (ARRAY['message'::text, 'joined'::text, 'left'::text, 'removed'::text, 'named'::text, 'renamed'::text, 'changed'::text, 'owner'::text, 'edited'::text, 'deleted'::text, 'reacted'::text]))),
    CONSTRAINT events_text_check CHECK (((char_length(text) >= 1) AND (char_length(text) <= 2000))),
    CONSTRAINT events_version_check CHECK ((version > 0))
);

CREATE TABLE public.kysely_migration (
    name character varying(255) NOT NULL,
    "timestamp" character varying(255) NOT NULL
);

CREATE TABLE public.kysely_migration_lock (
    id character varying(255) NOT NULL,
    is_locked integer DEFAULT 0 NOT NULL
);

CREATE UNLOGGED TABLE public.limits (
    name text NOT NULL,
    subject text NOT NULL,
    due_at timestamp with time zone NOT NULL
);

CREATE TABLE public.links (
    uri text NOT NULL,
    chat_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    replaced_at timestamp with time zone,
    CONSTRAINT links_uri_check CHECK ((uri ~ '^[A-Za-z0-9_-]{22,64}$'::text))
);

CREATE TABLE public.members (
    chat_id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    folded_name text NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone,
    guest boolean DEFAULT false NOT NULL,
    last_read bigint DEFAULT 0 NOT NULL,
    seen_at timestamp with time zone
);

CREATE TABLE public.mentions (
    user_id bigint NOT NULL,
    chat_id bigint NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE public.reactions (
    chat_id bigint NOT NULL,
    version bigint NOT NULL,
    user_id bigint NOT NULL,
    emoji text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.resets (
    key_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT resets_key_hash_check CHECK ((octet_length(key_hash) = 32))
);

CREATE TABLE public.secrets (
    name text NOT NULL,
    value bytea NOT NULL,
    CONSTRAINT secrets_value_check CHECK ((octet_length(value) >= 32))
);

CREATE TABLE public.sessions (
    id_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    id bigint NOT NULL,
    agent text DEFAULT ''::text NOT NULL,
    CONSTRAINT sessions_agent_check CHECK ((char_length(agent) <= 200)),
    CONSTRAINT sessions_id_hash_check CHECK ((octet_length(id_hash) = 32))
);

ALTER TABLE public.sessions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.tokens (
    id bigint NOT NULL,
    key_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    CONSTRAINT tokens_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT tokens_name_check CHECK ((char_length(name) <= 100))
);

ALTER TABLE public.tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.users (
    id bigint NOT NULL,
    username text NOT NULL,
    folded_username text,
    email text DEFAULT ''::text NOT NULL,
    password_hash text,
    version bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    kind text DEFAULT 'account'::text NOT NULL,
    name text NOT NULL,
    folded_name text NOT NULL,
    visit_hash bytea,
    deleted_at timestamp with time zone,
    unsettled boolean DEFAULT false NOT NULL,
    CONSTRAINT users_check CHECK (((kind = 'guest'::text) = (folded_username IS NULL))),
    CONSTRAINT users_check1 CHECK (((password_hash IS NULL) OR ((kind = 'account'::text) AND (deleted_at IS NULL)))),
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY['account'::text, 'guest'::text]))),
    CONSTRAINT users_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 150))),
    CONSTRAINT users_username_check CHECK (((char_length(username) >= 1) AND (char_length(username) <= 150))),
    CONSTRAINT users_visit_hash_check CHECK ((octet_length(visit_hash) = 32))
);

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO public.chats OVERRIDING SYSTEM VALUE VALUES (2, 2, NULL, 3, 2, 3, '2026-11-28 00:55:50.512528+00', NULL, '2026-11-28 00:55:50.461744+00', NULL, NULL, NULL, 3);
INSERT INTO public.chats OVERRIDING SYSTEM VALUE VALUES (1, 1, 'Supper', 24, 2, 21, '2026-11-28 00:55:50.551528+00', NULL, '2026-11-28 00:55:50.452677+00', NULL, NULL, NULL, 24);

INSERT INTO public.events VALUES (1, 1, 'joined', NULL, 1, NULL, NULL, NULL, '2026-11-28 00:55:50.458706+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (2, 1, 'joined', NULL, 2, NULL, NULL, NULL, '2026-11-28 00:55:50.462912+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 2, 'joined', NULL, 2, NULL, NULL, NULL, '2026-11-28 00:55:50.48086+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 3, 'joined', NULL, 3, NULL, NULL, NULL, '2026-11-28 00:55:50.482669+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (2, 2, 'joined', NULL, 1, NULL, NULL, NULL, '2026-11-28 00:55:50.483464+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 4, 'message', NULL, 1, 'Hello, café', 'key-0', '\x6ce3ab511bd0a70ac279f842db5f41a40ccc1d8befdb085ebe7ddc178d927f1f', '2026-11-28 00:55:50.493413+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 5, 'message', NULL, 2, 'Straße nach Łódź', NULL, NULL, '2026-11-28 00:55:50.500371+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 6, 'message', NULL, 1, '今天我们去东京タワー看', NULL, NULL, '2026-11-28 00:55:50.501754+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 7, 'message', NULL, 2, '학교에서 만나요', 'key-3', '\x452feafa9c63c38e405c75f2b1680cd221b31696e6fefdcd58c27633e10d4e83', '2026-11-28 00:55:50.502948+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 8, 'message', NULL, 1, 'ภาษาไทยง่ายนิดเดียว', NULL, NULL, '2026-11-28 00:55:50.504189+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 9, 'message', NULL, 2, 'https://example.org/a?b=c and *stars*', NULL, NULL, '2026-11-28 00:55:50.505234+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 10, 'message', NULL, 1, 'line one
line two', 'key-6', '\xb6858b03a6cae635deeaeab09a74e598979b72c917cbfff0bb3fe2cd05111dbc', '2026-11-28 00:55:50.506342+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 11, 'message', NULL, 2, '👋🏽 wave', NULL, NULL, '2026-11-28 00:55:50.510448+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 12, 'message', NULL, 1, 'it''s ''quoted'' \ back', NULL, NULL, '2026-11-28 00:55:50.511562+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (2, 3, 'message', NULL, 2, 'only here', NULL, NULL, '2026-11-28 00:55:50.512528+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 13, 'message', NULL, 3, 'PIN 4711', 'pin', '\xebc4e3661bf77d39994b3f48157e1fb3cd97515924015f113c8823e81757acda', '2026-11-28 00:55:50.513535+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 15, 'edited', 14, 1, NULL, NULL, NULL, '2026-11-28 00:55:50.531606+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 16, 'message', NULL, 1, NULL, 'deleted-key', '\x5c0ec488b34759d09b48672b0cc8e0322d898c0a6c2d467c4fea1af97778e3f4', '2026-11-28 00:55:50.532457+00', NULL, '2026-11-28 00:55:50.534176+00', NULL, NULL, NULL, 14);
INSERT INTO public.events VALUES (1, 17, 'deleted', 16, 1, NULL, NULL, NULL, '2026-11-28 00:55:50.534668+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 18, 'message', NULL, 2, '@ann look', NULL, NULL, '2026-11-28 00:55:50.53801+00', NULL, NULL, 14, '{"ann": 1}', NULL, 16);
INSERT INTO public.events VALUES (1, 14, 'message', NULL, 1, 'no PIN here', 'edited-key', '\x0edce15b4025522d4e10a8ba8c5a58f6f06b926a92b5d4983efb83646e6163a6', '2026-11-28 00:55:50.527676+00', '2026-11-28 00:55:50.530897+00', NULL, NULL, NULL, '{"🎉": 1}', NULL);
INSERT INTO public.events VALUES (1, 19, 'reacted', 14, 2, NULL, NULL, NULL, '2026-11-28 00:55:50.540949+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 20, 'joined', NULL, 4, NULL, NULL, NULL, '2026-11-28 00:55:50.550658+00', NULL, NULL, NULL, NULL, NULL, 18);
INSERT INTO public.events VALUES (1, 21, 'message', NULL, 4, 'spam', NULL, NULL, '2026-11-28 00:55:50.551528+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 22, 'removed', NULL, 4, NULL, NULL, NULL, '2026-11-28 00:55:50.553667+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 23, 'renamed', NULL, 1, 'Supper', NULL, NULL, '2026-11-28 00:55:50.5552+00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (1, 24, 'left', NULL, 3, NULL, NULL, NULL, '2026-11-28 00:55:50.559211+00', NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO public.kysely_migration VALUES ('001_accounts', '2026-11-28T00:55:50.211Z');
INSERT INTO public.kysely_migration VALUES ('002_chats', '2026-11-28T00:55:50.231Z');
INSERT INTO public.kysely_migration VALUES ('003_posting', '2026-11-28T00:55:50.237Z');
INSERT INTO public.kysely_migration VALUES ('004_people', '2026-11-28T00:55:50.261Z');
INSERT INTO public.kysely_migration VALUES ('005_changes', '2026-11-28T00:55:50.266Z');
INSERT INTO public.kysely_migration VALUES ('006_accounts', '2026-11-28T00:55:50.270Z');
INSERT INTO public.kysely_migration VALUES ('007_owners', '2026-11-28T00:55:50.275Z');
INSERT INTO public.kysely_migration VALUES ('010_search', '2026-11-28T00:55:50.280Z');

INSERT INTO public.kysely_migration_lock VALUES ('migration_lock', 0);

INSERT INTO public.links VALUES ('chat-1-of-ed03e3a-----', 1, '2026-11-28 00:55:50.452677+00', NULL, NULL);
INSERT INTO public.links VALUES ('chat-2-of-ed03e3a-----', 2, '2026-11-28 00:55:50.461744+00', NULL, NULL);

INSERT INTO public.members VALUES (1, 1, 'ann', 'ann', '2026-11-28 00:55:50.452677+00', NULL, false, 1, NULL);
INSERT INTO public.members VALUES (2, 2, 'Bob', 'bob', '2026-11-28 00:55:50.461744+00', NULL, false, 1, NULL);
INSERT INTO public.members VALUES (1, 2, 'Bob', 'bob', '2026-11-28 00:55:50.480251+00', NULL, false, 2, NULL);
INSERT INTO public.members VALUES (2, 1, 'ann', 'ann', '2026-11-28 00:55:50.483191+00', NULL, false, 2, NULL);
INSERT INTO public.members VALUES (1, 4, 'Gast', 'gast', '2026-11-28 00:55:50.542036+00', '2026-11-28 00:55:50.553484+00', true, 20, NULL);
INSERT INTO public.members VALUES (1, 3, 'deleted user', 'deleted user', '2026-11-28 00:55:50.482313+00', '2026-11-28 00:55:50.558978+00', false, 3, NULL);

INSERT INTO public.mentions VALUES (1, 1, 18);

INSERT INTO public.reactions VALUES (1, 14, 2, '🎉', '2026-11-28 00:55:50.539792+00');

INSERT INTO public.secrets VALUES ('seal', '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');

INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\x3f3af1ecebbd1410ab417ec0d27bbfcb5d340e177ae159b59fc8626c2dfd9175', 1, '2026-11-28 00:55:50.5679+00', '2026-11-28 00:55:50.5679+00', 1, '');

INSERT INTO public.tokens OVERRIDING SYSTEM VALUE VALUES (1, '\x3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0', 1, '2026-11-28 00:55:50.5823+00', '2026-11-28 00:55:50.5823+00', '');

INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (1, 'ann', 'ann', 'ann@example.org', '$argon2id$v=19$m=19456,t=2,p=1$qnjIJ+K/CgzTPPHZTGlMiw$xnGM9akDQYHlQQoWHffDUjaO29NCCDGJs1IjfGDH2p0', 0, '2026-11-28 00:55:50.449819+00', 'account', 'ann', 'ann', NULL, NULL, false);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (2, 'Bob', 'bob', '', '$argon2id$v=19$m=19456,t=2,p=1$qnjIJ+K/CgzTPPHZTGlMiw$xnGM9akDQYHlQQoWHffDUjaO29NCCDGJs1IjfGDH2p0', 0, '2026-11-28 00:55:50.451545+00', 'account', 'Bob', 'bob', NULL, NULL, false);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (4, 'Gast', NULL, '', NULL, 0, '2026-11-28 00:55:50.542036+00', 'guest', 'Gast', 'gast', '\xf0e68ac26df2184062ae2a945cd0b5e58466d75d6858359b7127776e9710a364', NULL, false);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (3, 'deleted user', 'gone', '', NULL, 1, '2026-11-28 00:55:50.452178+00', 'account', 'deleted user', 'deleted user', NULL, '2026-11-28 00:55:50.556616+00', false);

SELECT pg_catalog.setval('public.chats_id_seq', 2, true);

SELECT pg_catalog.setval('public.sessions_id_seq', 1, true);

SELECT pg_catalog.setval('public.tokens_id_seq', 1, true);

SELECT pg_catalog.setval('public.users_id_seq', 4, true);

ALTER TABLE ONLY public.bans
    ADD CONSTRAINT bans_pkey PRIMARY KEY (chat_id, user_id);

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (chat_id, version);

ALTER TABLE ONLY public.kysely_migration_lock
    ADD CONSTRAINT kysely_migration_lock_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.kysely_migration
    ADD CONSTRAINT kysely_migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (name, subject);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (uri);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (chat_id, user_id);

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_pkey PRIMARY KEY (user_id, chat_id, version);

ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT reactions_pkey PRIMARY KEY (chat_id, version, user_id, emoji);

ALTER TABLE ONLY public.resets
    ADD CONSTRAINT resets_pkey PRIMARY KEY (key_hash);

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_id_key UNIQUE (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id_hash);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_folded_username_key UNIQUE (folded_username);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX bans_of_browser ON public.bans USING btree (chat_id, visit_hash) WHERE (visit_hash IS NOT NULL);

CREATE INDEX chats_deleted ON public.chats USING btree (id) WHERE (deleted_at IS NOT NULL);

CREATE INDEX events_asides ON public.events USING btree (chat_id, version) WHERE (kind = ANY (ARRAY['joined'::text, 'left'::text, 'removed'::text, 'named'::text, 'renamed'::text, 'changed'::text, 'owner'::text]));

CREATE UNIQUE INDEX events_key ON public.events USING btree (chat_id, author_id, key) WHERE (key IS NOT NULL);

CREATE INDEX events_messages ON public.events USING btree (chat_id, version) WHERE (kind = 'message'::text);

CREATE INDEX events_search ON public.events USING gin (public.search_vector(chat_id, version, text)) WITH (gin_pending_list_limit='64') WHERE (((kind || ''::text) = 'message'::text) AND (text IS NOT NULL));

CREATE UNIQUE INDEX links_current ON public.links USING btree (chat_id) WHERE (replaced_at IS NULL);

CREATE INDEX links_of_chat ON public.links USING btree (chat_id);

CREATE INDEX members_by_arrival ON public.members USING btree (chat_id, joined_at, user_id) WHERE (left_at IS NULL);

CREATE INDEX members_by_user ON public.members USING btree (user_id, chat_id);

CREATE UNIQUE INDEX members_name ON public.members USING btree (chat_id, folded_name) WHERE (left_at IS NULL);

CREATE INDEX members_of_user ON public.members USING btree (user_id) WHERE (left_at IS NULL);

CREATE INDEX mentions_in_message ON public.mentions USING btree (chat_id, version);

CREATE INDEX sessions_by_user ON public.sessions USING btree (user_id, last_used_at DESC, id DESC);

CREATE INDEX tokens_of_user ON public.tokens USING btree (user_id, last_used_at DESC, id DESC);

CREATE INDEX users_unsettled ON public.users USING btree (id) WHERE unsettled;

ALTER TABLE ONLY public.bans
    ADD CONSTRAINT bans_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES public.chats(id);

ALTER TABLE ONLY public.bans
    ADD CONSTRAINT bans_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.chats
    ADD CONSTRAINT chats_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_chat_id_author_id_fkey FOREIGN KEY (chat_id, author_id) REFERENCES public.members(chat_id, user_id);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES public.chats(id);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES public.chats(id);

ALTER TABLE ONLY public.members
    ADD CONSTRAINT members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_chat_id_version_fkey FOREIGN KEY (chat_id, version) REFERENCES public.events(chat_id, version) ON DELETE CASCADE;

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT mentions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT reactions_chat_id_version_fkey FOREIGN KEY (chat_id, version) REFERENCES public.events(chat_id, version) ON DELETE CASCADE;

ALTER TABLE ONLY public.reactions
    ADD CONSTRAINT reactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.resets
    ADD CONSTRAINT resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
