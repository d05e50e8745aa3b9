/**
 * For finding whose name in a chat looks like another one. Not unique: names of before stay. The chat comes second: a planner without
 * statistics would take an index that begins with it for one that finds a member by their id, and go through the whole chat.
 */
export const index = {
  name: 'members_skeleton',
  create: 'create index concurrently members_skeleton on members (skeleton, chat_id) where left_at is null',
}
