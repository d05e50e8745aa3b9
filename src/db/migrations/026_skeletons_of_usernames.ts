/** For finding usernames that look like another one. Not unique: names of before stay. */
export const index = {
  name: 'users_username_skeleton',
  create: 'create index concurrently users_username_skeleton on users (username_skeleton)',
}
