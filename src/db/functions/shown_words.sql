-- A text as a browser shows it in one line: keyboards compose letters otherwise, and nobody can type a line break there.
create or replace function shown_words(text text)
returns text
language sql immutable
as $$ select btrim(regexp_replace(normalize(text, NFC), '[[:space:]]+', ' ', 'g')) $$;
