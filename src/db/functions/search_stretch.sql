-- The chat's stretch of 8,192 versions is a word among the message's own that nobody can write, as it has punctuation: so the words are
-- looked for in one stretch of one chat, which bounds what a common word brings, and no extension has to be installed for it.
create function search_stretch(chat_id bigint, version bigint) returns text
language sql immutable strict parallel safe
return chat_id::text || '/' || (version / 8192)::text;
