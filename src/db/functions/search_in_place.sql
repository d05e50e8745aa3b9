-- A query of search_query for the words of one place. What must not be there is looked for among the messages of the place only.
create or replace function search_in_place(query tsquery, place text) returns tsquery
language sql immutable strict parallel safe
return (
  case when query::text like '%!%' then '''' || place || ''' & (' else '(' end
  || regexp_replace(query::text, '''([^'']+)''', '''' || place || '\1''', 'g') || ')'
)::tsquery;
