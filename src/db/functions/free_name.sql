-- For functions of the release before that are running while they are replaced.
create or replace function free_name(chat bigint, wanting bigint, wanted text, folded text, mark text)
returns table (name text, folded_name text)
language plpgsql
as $$
#variable_conflict use_variable
declare
  number int := 1;
  ending text := case when mark = '' then '' else ' (' || mark || ')' end;
begin
  while exists (
    select 1 from members m
    where m.chat_id = chat and m.folded_name = folded || ending and m.left_at is null and m.user_id <> wanting
  ) loop
    number := number + 1;
    ending := ' (' || ltrim(mark || ' ' || number) || ')';
  end loop;
  return query select wanted || ending, folded || ending;
end $$;
