-- Which life of the database this is: one that was restored from a backup begins another, and cursors of before are refused.
create or replace function current_epoch()
returns int
language sql stable
as $$
  select e.number from epoch e where e.one
$$;
