-- What two words have in common that are the same to who searches. Nearly every message is ASCII, for which lower() is all.
-- The class: accents, Hebrew points and Arabic vowel signs; not the vowels of Indic scripts, which are letters to their readers.
-- `return` binds what a function calls when it is made: a restored dump builds the index with no search_path.
create function search_fold(text) returns text
language sql immutable strict parallel safe
return case
  when octet_length($1) = char_length($1) then lower($1)
  else normalize(
    replace(replace(replace(translate(
      lower(regexp_replace(normalize($1, nfkd),
        '[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff'
        '\u200b-\u200f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u00ad]', '', 'g')),
      'ςıøłđħŧ', 'σioldht'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
    nfkc)
end;
