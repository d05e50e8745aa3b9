-- The form in which words are compared: two words that have the same form are the same to people who search. Most messages are ASCII, where
-- lower() is enough.
-- The class, written by bin/unicode.js: accents, Hebrew points and Arabic vowel signs; not the vowels of Indic scripts, which are letters.
-- In plpgsql, and not in sql: PostgreSQL would read the long body of a function in sql again for each statement that stores a message, only to
-- find that it cannot put it into the index's expression. That was a tenth of what a message costs there. All that is called here is in
-- pg_catalog, as a restored dump builds the index without a search_path.
create or replace function search_fold(text) returns text
language plpgsql immutable strict parallel safe
as $$ begin return case
  when octet_length($1) = char_length($1) then lower($1)
  else normalize(
    replace(replace(replace(translate(
      lower(regexp_replace(normalize($1, nfkd),
        '[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff'
        '\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u00ad]', '', 'g')),
      'ςıøłđħŧ', 'σioldht'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    nfkc)
end; end $$;
