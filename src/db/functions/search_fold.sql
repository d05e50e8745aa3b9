-- The form in which words are compared: two words that have the same form are the same to people who search. Most messages are ASCII, where
-- lower() is enough.
-- The class, written by bin/unicode.js: accents, Hebrew points and Arabic vowel signs; not the vowels of Indic scripts, which are letters.
-- `return` binds the functions that are called when this one is made: a restored dump builds the index without a search_path.
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
