-- The phrases of a query that has no "or" and no "-", as patterns for the words of a message with a space on both sides. Else null. The index knows
-- the messages that have all words of a phrase. Which have them side by side, such a pattern sees faster than a tsvector is made.
create or replace function search_phrases(query tsquery) returns text[]
language sql immutable parallel safe
return case
  when query::text like '%<->%' and query::text !~ '[|!]' then array(
    select '% ' || translate(replace(phrase, ' <-> ', ' '), ''':*', '') || case when phrase like '%:*' then '%' else ' %' end
    from string_to_table(query::text, ' & ') phrase
    where phrase like '% <-> %'
  )
end;
