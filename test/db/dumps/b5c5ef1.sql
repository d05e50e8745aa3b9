-- A database made by commit b5c5ef1, before there were guests, edits and search. The accounts' password is: correct horse battery

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

CREATE FUNCTION public.join_chat(joined_chat bigint, joiner bigint) RETURNS TABLE(version bigint)
    LANGUAGE plpgsql
    AS $$
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
    end $$;

CREATE FUNCTION public.post_messages(chat_ids bigint[], author_ids bigint[], texts text[], keys text[], wait boolean) RETURNS TABLE(ord bigint, outcome text, chat_id bigint, version bigint, created_at timestamp with time zone)
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
    end $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.chats (
    id bigint NOT NULL,
    owner_id bigint NOT NULL,
    title text,
    version bigint DEFAULT 0 NOT NULL,
    member_count integer DEFAULT 0 NOT NULL,
    last_message bigint,
    last_posted_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
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
    CONSTRAINT events_check CHECK ((about < version)),
    CONSTRAINT events_check1 CHECK (((kind = 'message'::text) = (text IS NOT NULL))),
    CONSTRAINT events_check2 CHECK (((key IS NULL) = (text_hash IS NULL))),
    CONSTRAINT events_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
    CONSTRAINT events_kind_check CHECK ((kind = ANY (ARRAY['message'::text, 'joined'::text, 'left'::text]))),
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
    left_at timestamp with time zone
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
    CONSTRAINT sessions_id_hash_check CHECK ((octet_length(id_hash) = 32))
);

CREATE TABLE public.tokens (
    id bigint NOT NULL,
    key_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tokens_key_hash_check CHECK ((octet_length(key_hash) = 32))
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
    folded_username text NOT NULL,
    email text DEFAULT ''::text NOT NULL,
    password_hash text NOT NULL,
    version bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_username_check CHECK (((char_length(username) >= 1) AND (char_length(username) <= 150)))
);

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO public.chats OVERRIDING SYSTEM VALUE VALUES (2, 2, NULL, 3, 2, 3, '2026-11-28 00:55:49.471045+00', NULL, '2026-11-28 00:55:49.434517+00');
INSERT INTO public.chats OVERRIDING SYSTEM VALUE VALUES (1, 1, 'Dinner', 13, 3, 13, '2026-11-28 00:55:49.472046+00', NULL, '2026-11-28 00:55:49.426744+00');

INSERT INTO public.events VALUES (1, 1, 'joined', NULL, 1, NULL, NULL, NULL, '2026-11-28 00:55:49.430675+00');
INSERT INTO public.events VALUES (2, 1, 'joined', NULL, 2, NULL, NULL, NULL, '2026-11-28 00:55:49.435473+00');
INSERT INTO public.events VALUES (1, 2, 'joined', NULL, 2, NULL, NULL, NULL, '2026-11-28 00:55:49.454284+00');
INSERT INTO public.events VALUES (1, 3, 'joined', NULL, 3, NULL, NULL, NULL, '2026-11-28 00:55:49.454951+00');
INSERT INTO public.events VALUES (2, 2, 'joined', NULL, 1, NULL, NULL, NULL, '2026-11-28 00:55:49.455469+00');
INSERT INTO public.events VALUES (1, 4, 'message', NULL, 1, 'Hello, café', 'key-0', '\x6ce3ab511bd0a70ac279f842db5f41a40ccc1d8befdb085ebe7ddc178d927f1f', '2026-11-28 00:55:49.458496+00');
INSERT INTO public.events VALUES (1, 5, 'message', NULL, 2, 'Straße nach Łódź', NULL, NULL, '2026-11-28 00:55:49.462312+00');
INSERT INTO public.events VALUES (1, 6, 'message', NULL, 1, '今天我们去东京タワー看', NULL, NULL, '2026-11-28 00:55:49.463432+00');
INSERT INTO public.events VALUES (1, 7, 'message', NULL, 2, '학교에서 만나요', 'key-3', '\x452feafa9c63c38e405c75f2b1680cd221b31696e6fefdcd58c27633e10d4e83', '2026-11-28 00:55:49.464236+00');
INSERT INTO public.events VALUES (1, 8, 'message', NULL, 1, 'ภาษาไทยง่ายนิดเดียว', NULL, NULL, '2026-11-28 00:55:49.466014+00');
INSERT INTO public.events VALUES (1, 9, 'message', NULL, 2, 'https://example.org/a?b=c and *stars*', NULL, NULL, '2026-11-28 00:55:49.467676+00');
INSERT INTO public.events VALUES (1, 10, 'message', NULL, 1, 'line one
line two', 'key-6', '\xb6858b03a6cae635deeaeab09a74e598979b72c917cbfff0bb3fe2cd05111dbc', '2026-11-28 00:55:49.468615+00');
INSERT INTO public.events VALUES (1, 11, 'message', NULL, 2, '👋🏽 wave', NULL, NULL, '2026-11-28 00:55:49.469415+00');
INSERT INTO public.events VALUES (1, 12, 'message', NULL, 1, 'it''s ''quoted'' \ back', NULL, NULL, '2026-11-28 00:55:49.470216+00');
INSERT INTO public.events VALUES (2, 3, 'message', NULL, 2, 'only here', NULL, NULL, '2026-11-28 00:55:49.471045+00');
INSERT INTO public.events VALUES (1, 13, 'message', NULL, 3, 'PIN 4711', 'pin', '\xebc4e3661bf77d39994b3f48157e1fb3cd97515924015f113c8823e81757acda', '2026-11-28 00:55:49.472046+00');

INSERT INTO public.kysely_migration VALUES ('001_accounts', '2026-11-28T00:55:49.341Z');
INSERT INTO public.kysely_migration VALUES ('002_chats', '2026-11-28T00:55:49.366Z');
INSERT INTO public.kysely_migration VALUES ('003_posting', '2026-11-28T00:55:49.370Z');

INSERT INTO public.kysely_migration_lock VALUES ('migration_lock', 0);

INSERT INTO public.links VALUES ('chat-1-of-b5c5ef1-----', 1, '2026-11-28 00:55:49.426744+00', NULL, NULL);
INSERT INTO public.links VALUES ('chat-2-of-b5c5ef1-----', 2, '2026-11-28 00:55:49.434517+00', NULL, NULL);

INSERT INTO public.members VALUES (1, 1, 'ann', 'ann', '2026-11-28 00:55:49.426744+00', NULL);
INSERT INTO public.members VALUES (2, 2, 'Bob', 'bob', '2026-11-28 00:55:49.434517+00', NULL);
INSERT INTO public.members VALUES (1, 2, 'Bob', 'bob', '2026-11-28 00:55:49.45409+00', NULL);
INSERT INTO public.members VALUES (1, 3, 'gone', 'gone', '2026-11-28 00:55:49.454795+00', NULL);
INSERT INTO public.members VALUES (2, 1, 'ann', 'ann', '2026-11-28 00:55:49.455333+00', NULL);

INSERT INTO public.secrets VALUES ('seal', '\x5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e');

INSERT INTO public.sessions VALUES ('\x3f3af1ecebbd1410ab417ec0d27bbfcb5d340e177ae159b59fc8626c2dfd9175', 1, '2026-11-28 00:55:49.475211+00', '2026-11-28 00:55:49.475211+00');

INSERT INTO public.tokens OVERRIDING SYSTEM VALUE VALUES (1, '\x3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0', 1, '2026-11-28 00:55:49.489908+00', '2026-11-28 00:55:49.489908+00');

INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (1, 'ann', 'ann', 'ann@example.org', '$argon2id$v=19$m=19456,t=2,p=1$n92D+nAxQeDeS7YzTNv+2w$ny8IOqKdCnQCdyh1Yo3aCNgLPHWpC8NUnh2NkcZ+9Gc', 0, '2026-11-28 00:55:49.420121+00');
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (2, 'Bob', 'bob', '', '$argon2id$v=19$m=19456,t=2,p=1$n92D+nAxQeDeS7YzTNv+2w$ny8IOqKdCnQCdyh1Yo3aCNgLPHWpC8NUnh2NkcZ+9Gc', 0, '2026-11-28 00:55:49.423024+00');
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (3, 'gone', 'gone', '', '$argon2id$v=19$m=19456,t=2,p=1$n92D+nAxQeDeS7YzTNv+2w$ny8IOqKdCnQCdyh1Yo3aCNgLPHWpC8NUnh2NkcZ+9Gc', 0, '2026-11-28 00:55:49.426005+00');

SELECT pg_catalog.setval('public.chats_id_seq', 2, true);

SELECT pg_catalog.setval('public.tokens_id_seq', 1, true);

SELECT pg_catalog.setval('public.users_id_seq', 3, true);

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

ALTER TABLE ONLY public.resets
    ADD CONSTRAINT resets_pkey PRIMARY KEY (key_hash);

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);

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

CREATE INDEX events_asides ON public.events USING btree (chat_id, version) WHERE (kind = ANY (ARRAY['joined'::text, 'left'::text]));

CREATE UNIQUE INDEX events_key ON public.events USING btree (chat_id, author_id, key) WHERE (key IS NOT NULL);

CREATE INDEX events_messages ON public.events USING btree (chat_id, version) WHERE (kind = 'message'::text);

CREATE UNIQUE INDEX links_current ON public.links USING btree (chat_id) WHERE (replaced_at IS NULL);

CREATE INDEX members_by_arrival ON public.members USING btree (chat_id, joined_at, user_id) WHERE (left_at IS NULL);

CREATE UNIQUE INDEX members_name ON public.members USING btree (chat_id, folded_name) WHERE (left_at IS NULL);

CREATE INDEX members_of_user ON public.members USING btree (user_id) WHERE (left_at IS NULL);

CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id);

CREATE INDEX tokens_of_user ON public.tokens USING btree (user_id, last_used_at DESC, id DESC);

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

ALTER TABLE ONLY public.resets
    ADD CONSTRAINT resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
