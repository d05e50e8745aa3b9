import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { createReset, findReset, useReset } from '../../src/db/resets.js'
import { createSession, endSessionOf, sessionsOf } from '../../src/db/sessions.js'
import { createToken, revokeToken, tokensOf } from '../../src/db/tokens.js'
import { createUser, type Verified } from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { openSite, type Site } from '../support/site.js'

describe('what opens an account', () => {
  let site: Site
  let ann: Verified
  let bob: Verified
  before(async () => {
    site = await openSite()
    ann = await newUser('ann')
    bob = await newUser('bob')
  })
  after(() => site.close())

  it('is the newest reset link alone', async () => {
    const [older, newer, others] = [newHash(), newHash(), newHash()]
    await createReset(site.db, bob.id, others)
    await createReset(site.db, ann.id, older)
    await createReset(site.db, ann.id, newer)
    assert.equal(await findReset(site.db, older), undefined)
    assert.equal(await useReset(site.db, older, 'x'), false)
    assert.equal((await findReset(site.db, newer))?.id, ann.id)
    assert.equal((await findReset(site.db, others))?.id, bob.id)
  })

  it('is a reset link for a day', async () => {
    const key_hash = newHash()
    await createReset(site.db, ann.id, key_hash)
    const age = (minutes: number) =>
      site.pool.query(`update resets set created_at = now() - $1 * interval '1 minute' where key_hash = $2`, [
        minutes,
        key_hash,
      ])
    await age(LIMITS.resetHours * 60 + 1)
    assert.equal(await findReset(site.db, key_hash), undefined)
    assert.equal(await useReset(site.db, key_hash, 'x'), false)
    await age(LIMITS.resetHours * 60 - 1)
    assert.equal((await findReset(site.db, key_hash))?.id, ann.id)
    assert.equal(await useReset(site.db, key_hash, 'x'), true)
    assert.equal(await useReset(site.db, key_hash, 'y'), false)
  })

  it('ends by its own user alone: sessions', async () => {
    await createSession(site.db, newHash(), ann, '')
    await createSession(site.db, newHash(), bob, '')
    const [session] = await sessionsOf(site.db, ann.id)
    assert.ok(session)
    assert.equal(await endSessionOf(site.db, bob.id, session.id), false)
    assert.equal((await sessionsOf(site.db, ann.id)).length, 1)
    assert.equal(await endSessionOf(site.db, ann.id, session.id), true)
    assert.equal((await sessionsOf(site.db, ann.id)).length, 0)
    assert.equal((await sessionsOf(site.db, bob.id)).length, 1)
  })

  it('ends by its own user alone: tokens', async () => {
    await createToken(site.db, ann, { key_hash: newHash() })
    await createToken(site.db, bob, { key_hash: newHash() })
    const [token] = await tokensOf(site.db, ann.id)
    assert.ok(token)
    assert.equal(await revokeToken(site.db, bob.id, token.id), false)
    assert.equal((await tokensOf(site.db, ann.id)).length, 1)
    assert.equal(await revokeToken(site.db, ann.id, token.id), true)
    assert.equal((await tokensOf(site.db, ann.id)).length, 0)
    assert.equal((await tokensOf(site.db, bob.id)).length, 1)
  })

  it('is shown by how its browser calls itself, without what would turn or break the line', async () => {
    const carl = await newUser('carl')
    await createSession(site.db, newHash(), carl, `Evil\u202e\u0007\n${'😀'.repeat(LIMITS.agentLength)}`)
    const [session] = await sessionsOf(site.db, carl.id)
    assert.equal(session?.agent, `Evil${'😀'.repeat(LIMITS.agentLength - 4)}`)
  })

  async function newUser(username: string): Promise<Verified> {
    const password_hash = 'x'
    const user = await createUser(site.db, { username, password_hash, email: '' })
    assert.ok(user)
    return { id: user.id, password_hash }
  }
})

function newHash(): Buffer {
  return keyHash(randomKey())
}
