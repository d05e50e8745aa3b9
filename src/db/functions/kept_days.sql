-- For how many days a chat keeps its messages: as the operator says for this chat or else for all, and no longer than its owner says. Null: for
-- good.
create or replace function kept_days(by_owner int, by_operator int)
returns int
language sql stable
as $$
  select least(by_owner, coalesce(by_operator, (select r.days from retention r where r.one)))
$$;
