-- The version up to which a snapshot sees the chat. newest: the chat's version. Commits of one chat follow each other, as each holds the chat's
-- row: what a snapshot sees of a chat is always the beginning of its log, so halving finds the end. It is most often near the newest event, so
-- the search doubles its steps back from there first. There may be gaps in the versions.
create or replace function seen_version(chat bigint, newest bigint, seen pg_snapshot)
returns bigint
language plpgsql stable
as $$
#variable_conflict use_variable
declare
  low bigint := newest;
  high bigint := newest;
  step bigint := 1;
  middle bigint;
begin
  while low > 0 and not is_seen(chat, low, seen) loop
    high := low - 1;
    low := greatest(low - step, 0);
    step := step * 2;
  end loop;
  -- Seen up to low, not seen behind high.
  while low < high loop
    middle := (low + high + 1) / 2;
    if is_seen(chat, middle, seen) then
      low := middle;
    else
      high := middle - 1;
    end if;
  end loop;
  return low;
end $$;
