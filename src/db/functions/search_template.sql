-- A query of search_query with an @ for the place of its words (search_place). What must not be there is looked for among the messages of the
-- place only. Where phrases are seen by their patterns (search_phrases), their words are enough.
create or replace function search_template(query tsquery, phrases text[]) returns text
language sql immutable parallel safe
return case when query::text like '%!%' then '''@'' & ' else '' end
  || '(' || regexp_replace(
    case when phrases is null then query::text else replace(query::text, '<->', '&') end,
    '''([^'']+)''', '''@\1''', 'g') || ')';
