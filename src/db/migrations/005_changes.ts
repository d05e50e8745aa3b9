import { type Kysely, sql } from 'kysely'

/** Functions as in migration 003: each takes the chat's row first, and decides in the statements after it. */
export async function up(db: Kysely<unknown>) {
  // What every change of a chat ends in, by whoever holds the chat's row.
  await sql`
    create function append_event(changed_chat bigint, kind text, author bigint, about bigint, text text)
    returns bigint
    language plpgsql
    as $$
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
    end $$`.execute(db)

  // A name that no other member of the chat has: the wanted one, or with a number behind it.
  await sql`
    create function free_name(chat bigint, wanting bigint, wanted text, folded text, mark text)
    returns table (name text, folded_name text)
    language plpgsql
    as $$
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
    end $$`.execute(db)

  await sql`drop function join_chat(bigint, bigint)`.execute(db)
  // exactly: under their own name or not at all.
  await sql`
    create function join_chat(link text, joiner bigint, exactly boolean)
    returns table (outcome text, chat_id bigint, version bigint)
    language plpgsql
    as $$
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
    end $$`.execute(db)

  await sql`drop function post_messages(bigint[], bigint[], text[], text[], boolean)`.execute(db)
  // reply_tos: the message that each answers. names: of each, what stands behind its @s, folded, as a JSON array.
  await sql`
    create function post_messages(
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
    end $$`.execute(db)

  // Which of the names are members' at this moment: their ids by name, or null.
  await sql`
    create function mentioned(chat bigint, names text)
    returns jsonb
    language sql stable
    as $$
      select jsonb_object_agg(m.folded_name, m.user_id)
      from jsonb_array_elements_text(names::jsonb) n
      join members m on m.chat_id = chat and m.folded_name = n and m.left_at is null
    $$`.execute(db)

  await sql`
    create function edit_message(chat bigint, editor bigint, message bigint, new_text text, names text)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
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
    end $$`.execute(db)

  // By its author or the chat's owner.
  await sql`
    create function delete_message(chat bigint, deleter bigint, message bigint)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
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
    end $$`.execute(db)

  // Adds or takes back one's reaction.
  await sql`
    create function react(chat bigint, reacter bigint, message bigint, chosen text, adds boolean)
    returns table (outcome text, version bigint)
    language plpgsql
    as $$
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
    end $$`.execute(db)
}
