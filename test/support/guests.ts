import { createSession } from '../../src/db/sessions.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { foldUsername } from '../../src/text/names.js'
import { skeleton } from '../../src/text/skeleton.js'
import type { Site } from './site.js'
import { Visitor } from './visitor.js'

/** A guest with that name and a browser of their own. */
export async function guest(site: Site, name: string): Promise<Visitor & { id: number }> {
  const { id } = await site.db
    .insertInto('users')
    .values({ kind: 'guest', username: name, name, folded_name: foldUsername(name), skeleton: skeleton(name) })
    .returning('id')
    .executeTakeFirstOrThrow()
  const key = randomKey()
  await createSession(
    site.db,
    keyHash(key),
    { id, password_hash: null },
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  )
  const visitor = Object.assign(new Visitor(site), { id })
  visitor.cookies.set('sid', key)
  await visitor.get('/')
  return visitor
}
