-- For the program of the release before, which does not know the outcome 'lookalike'.
create or replace function join_chat(link text, joiner bigint, exactly boolean)
returns table (outcome text, chat_id bigint, version bigint)
language sql
as $$
  select case j.outcome when 'lookalike' then 'taken' else j.outcome end, j.chat_id, j.version
  from join_by_link(link, joiner, exactly) j
$$;
