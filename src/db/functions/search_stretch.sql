-- A word that names the chat and its stretch of 8,192 versions. It stands among the words of each message; nobody can write it, as it has
-- punctuation. So a search reads one stretch of one chat, however common its words are, and PostgreSQL needs no extension for that.
create function search_stretch(chat_id bigint, version bigint) returns text
language sql immutable strict parallel safe
return chat_id::text || '/' || (version / 8192)::text;
