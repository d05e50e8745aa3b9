-- The search that was typed, in the words of the index that answers (search_by_words). A star at its end: its last word is a beginning.
-- A single character of a script without spaces is the beginning of a pair, or a word of its own.
create or replace function search_query(text) returns tsquery
language plpgsql stable strict
as $$
declare
  by_words boolean := search_by_words();
  words text := search_fold(rtrim($1, '*'));
  found text := websearch_to_tsquery('simple', case when by_words then search_split(words) else words end)::text;
begin
  found := regexp_replace(
    found,
    ''''
    '([\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf'
    '\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa'
    '\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff'
    '\U00020000-\U0003ffff][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e'
    '\u1056-\u1059\u17b4-\u17d3\u17dd\u3099\u309a]*)''', '''\1'':*', 'g');
  if by_words and $1 like '%*' then
    found := regexp_replace(found, '''$', ''':*');
  end if;
  return found::tsquery;
end $$;
