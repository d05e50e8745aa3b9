-- A word that names a chat and its part of 2,048 versions. It stands in front of each word of a message in the index events_words, so that a
-- look for a word costs what that part of that chat has of it, and not what all chats have. In letters, which PostgreSQL's parser
-- reads fastest; nobody can write the word of another chat, as theirs stands in front of all that they write.
create function search_place(chat_id bigint, version bigint) returns text
language sql immutable parallel safe
return translate(chat_id::text || 'x' || (version / 2048)::text || 'x', '0123456789', 'abcdefghij');
