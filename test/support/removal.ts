import assert from 'node:assert/strict'
import { removeMember as remove } from '../../src/db/members.js'
import { handOver } from '../../src/db/owners.js'
import type { Site } from './site.js'

/** Removes a member as the owner does, but in the database only: this process is not told. An owner hands the chat over first. */
export async function removeMember(site: Site, uri: string, username: string) {
  const members = await site.db
    .selectFrom('links')
    .innerJoin('chats', 'chats.id', 'links.chat_id')
    .innerJoin('members', 'members.chat_id', 'chats.id')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['chats.id as chat_id', 'chats.owner_id', 'users.id as user_id', 'users.username'])
    .where('links.uri', '=', uri)
    .where('members.left_at', 'is', null)
    .execute()
  const member = members.find(one => one.username === username)
  const heir = members.find(one => one.username !== username)
  assert.ok(member)
  const { chat_id, owner_id, user_id } = member
  let actor_id = owner_id
  if (owner_id === user_id) {
    assert.ok(heir)
    actor_id = heir.user_id
    assert.equal((await handOver(site.db, { chat_id, user_id }, actor_id)).outcome, 'done')
  }
  const { outcome } = await remove(site.db, { chat_id, user_id: actor_id }, user_id, { bans: false })
  assert.equal(outcome, 'done')
}
