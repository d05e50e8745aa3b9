import { type Kysely, sql } from 'kysely'

/**
 * What changes a chat is a function whose first statement takes the chat's row, because a statement decides on the
 * snapshot that it took before it waited: one statement that locks and judges would still see a member who was removed,
 * or miss a key that was used, while it waited. The next statement in the function sees what was committed meanwhile.
 */
export async function up(db: Kysely<unknown>) {
  // `for no key update` suffices to take turns and does not hold up the foreign-key checks of others.
  await sql`
    create function post_messages(chat_ids bigint[], author_ids bigint[], texts text[], keys text[], wait boolean)
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
        from unnest(chat_ids, author_ids, texts, keys) with ordinality as t (chat_id, author_id, text, key, ord)
      ),
      judged as (
        select i.*, e.version as old_version, e.created_at as old_created_at,
          case
            when c.id is null then 'stranger'
            when c.id = any(held) is not true then 'busy'
            when m.user_id is null then 'stranger'
            when e.version is not null then case when e.text_hash = i.text_hash then 'again' else 'conflict' end
            when c.closed_at is not null then 'closed'
            when char_length(i.text) not between 1 and 2000 then 'refused'
          end as verdict
        from input i
        left join chats c on c.id = i.chat_id
        left join members m on m.chat_id = i.chat_id and m.user_id = i.author_id and m.left_at is null
        left join events e on e.chat_id = i.chat_id and e.author_id = i.author_id and e.key = i.key
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
        set version = c.version + n.count, last_message = c.version + n.count, last_posted_at = posted_at
        from (select chat_id, max(place) as count from placed where leads group by chat_id) n
        where c.id = n.chat_id
        returning c.id, c.version - n.count as base
      ),
      done as (
        insert into events (chat_id, version, kind, author_id, text, key, text_hash, created_at)
        select p.chat_id, t.base + p.place, 'message', p.author_id, p.text, p.key, p.text_hash, posted_at
        from placed p
        join turn t on t.id = p.chat_id
        where p.leads
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

  await sql`
    create function join_chat(joined_chat bigint, joiner bigint)
    returns table (version bigint)
    language plpgsql
    as $$
    #variable_conflict use_column
    declare
      turn bigint;
    begin
      perform 1 from chats where id = joined_chat for no key update;
      if not found then
        return;
      end if;
      insert into members as m (chat_id, user_id, name, folded_name)
      select joined_chat, u.id, u.username, u.folded_username from users u where u.id = joiner
      on conflict (chat_id, user_id) do update set left_at = null, joined_at = clock_timestamp()
        where m.left_at is not null;
      if not found then
        return query select c.version from chats c where c.id = joined_chat;
        return;
      end if;
      update chats c set version = c.version + 1, member_count = c.member_count + 1
        where c.id = joined_chat returning c.version into turn;
      insert into events (chat_id, version, kind, author_id, created_at)
        values (joined_chat, turn, 'joined', joiner, clock_timestamp());
      return query select turn;
    end $$`.execute(db)
}
