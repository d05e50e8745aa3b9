-- Digits apart from letters, so that 2.10.3 is found in v2.10.3; and each picture as a word (👋 as e1f44b), which PostgreSQL's parser would
-- drop or not by the database's locale. Nobody can type such a word, as digits and letters are apart in all others.
-- In plpgsql for the reason in search_fold.
create or replace function search_split(text) returns text
language plpgsql immutable strict parallel safe
as $$ begin return case
  when $1 ~ '[\u231a-\u231b\u23e9-\u23fa\u2600-\u2767\u2794-\u27bf\u2b50\u2b55\U0001f004\U0001f0cf\U0001f18e'
    '\U0001f1e6-\U0001f1ff\U0001f300-\U0001f3fa\U0001f400-\U0001faff]' then (
    select string_agg(
      case
        when one ~ '[\u231a-\u231b\u23e9-\u23fa\u2600-\u2767\u2794-\u27bf\u2b50\u2b55\U0001f004\U0001f0cf\U0001f18e'
    '\U0001f1e6-\U0001f1ff\U0001f300-\U0001f3fa\U0001f400-\U0001faff]' then ' e' || to_hex(ascii(one)) || ' '
        else one
      end,
      '' order by place)
    from string_to_table(regexp_replace($1, '([0-9]+)', ' \1 ', 'g'), null) with ordinality as characters (one, place)
  )
  else regexp_replace($1, '([0-9]+)', ' \1 ', 'g')
end; end $$;
