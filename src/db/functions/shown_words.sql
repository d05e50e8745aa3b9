-- A text as a browser shows it on one line. Keyboards may compose letters in another way, and nobody can type a line break there.
create or replace function shown_words(text text)
returns text
language sql immutable
as $$ select btrim(regexp_replace(normalize(text, NFC), '[[:space:]]+', ' ', 'g')) $$;
