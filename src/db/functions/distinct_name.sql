-- A name that no other member of the chat has, nor one that looks like it: the wanted name, with a number behind it if it is taken.
-- mark: a word that is put behind the name as well, or ''. What is put there looks like itself, as no name has parentheses of its own.
create or replace function distinct_name(
  chat bigint, wanting bigint, wanted text, folded text, look text, mark text
)
returns table (name text, folded_name text, skeleton text)
language plpgsql
as $$
#variable_conflict use_variable
declare
  number int := 1;
  ending text := case when mark = '' then '' else ' (' || mark || ')' end;
begin
  while exists (
    -- Each by its own index: with "or" all members would be gone through.
    select 1 from members m
    where m.chat_id = chat and m.folded_name = folded || ending and m.left_at is null and m.user_id <> wanting
    union all
    select 1 from members m
    where m.chat_id = chat and m.skeleton = look || ending and m.left_at is null and m.user_id <> wanting
  ) loop
    number := number + 1;
    ending := ' (' || ltrim(mark || ' ' || number) || ')';
  end loop;
  return query select wanted || ending, folded || ending, look || ending;
end $$;
