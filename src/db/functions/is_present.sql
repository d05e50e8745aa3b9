-- Whether the user can still act: an account that was not deleted, or a guest with a session. A session that has expired counts until the
-- next hourly sweep deletes it.
create or replace function is_present(who bigint)
returns boolean
language sql stable
as $$
  select exists (
    select 1 from users u
    where u.id = who and u.deleted_at is null
      and (u.kind = 'account' or exists (select 1 from sessions s where s.user_id = u.id))
  )
$$;
