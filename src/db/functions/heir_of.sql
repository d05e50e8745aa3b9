-- Who owns the chat once its owner is gone: the account that joined first, else the guest with a session who joined first. Null where there
-- is neither.
create or replace function heir_of(chat bigint)
returns bigint
language sql stable
as $$
  select coalesce(
    (
      select m.user_id from members m join users u on u.id = m.user_id
      where m.chat_id = chat and m.left_at is null and u.kind = 'account' and u.deleted_at is null
        and m.user_id <> (select c.owner_id from chats c where c.id = chat)
      order by m.joined_at, m.user_id
      limit 1
    ),
    (
      select m.user_id from members m join users u on u.id = m.user_id
      where m.chat_id = chat and m.left_at is null and u.kind = 'guest' and is_present(u.id)
        and m.user_id <> (select c.owner_id from chats c where c.id = chat)
      order by m.joined_at, m.user_id
      limit 1
    )
  )
$$;
