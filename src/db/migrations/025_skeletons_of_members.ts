/** For finding whose name in a chat looks like another one. Not unique: names of before stay. */
export const index = {
  name: 'members_skeleton',
  create: 'create index concurrently members_skeleton on members (chat_id, skeleton) where left_at is null',
}
