/** For finding the chats that nobody needs any more (delete_abandoned). Of columns that posts do not change, so that posts stay cheap. */
export const index = {
  name: 'chats_accountless',
  create: 'create index concurrently chats_accountless on chats (created_at, id) where accountless',
}
