-- The words of a message in the index events_words: its place alone, and its place in front of each word.
create function search_placed_words(chat_id bigint, version bigint, text text) returns tsvector
language sql immutable parallel safe
return to_tsvector('simple', replace('  ' || search_words(text), ' ', ' ' || search_place(chat_id, version)));
