-- What a user is to a chat at this moment: 'owner', 'not owner' or 'stranger'.
create or replace function standing(chat bigint, who bigint)
returns text
language sql stable
as $$
  select coalesce((
    select case when c.owner_id = who then 'owner' else 'not owner' end
    from chats c
    join members m on m.chat_id = c.id and m.user_id = who and m.left_at is null
    where c.id = chat and c.deleted_at is null
  ), 'stranger')
$$;
