-- The words of a message in the index events_search.
create function search_vector(chat_id bigint, version bigint, text text) returns tsvector
language sql immutable strict parallel safe
return array_to_tsvector(array[search_stretch(chat_id, version)]) || to_tsvector('simple', search_text(text));
