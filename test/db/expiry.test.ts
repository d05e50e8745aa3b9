import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { takeFromRate } from '../../src/db/limits.js'
import { createReset } from '../../src/db/resets.js'
import { createSession } from '../../src/db/sessions.js'
import { createToken } from '../../src/db/tokens.js'
import { createUser } from '../../src/db/users.js'
import { keyHash } from '../../src/keys.js'
import { openSite, type Site } from '../support/site.js'

describe('what has run out', () => {
  let site: Site
  let ids: number[]
  before(async () => {
    site = await openSite()
    ids = []
    for (const username of ['ended', 'lasting']) {
      const user = await createUser(site.db, { username, password_hash: 'x', email: '' })
      assert.ok(user)
      ids.push(user.id)
    }
  })
  after(() => site.close())

  /** Makes one row for each of the two users; the first's was made, or used last, so long ago. */
  const KINDS: { table: string; make: (id: number) => Promise<unknown>; column: string; lasts: string }[] = [
    {
      table: 'sessions',
      make: id => createSession(site.db, keyHash(`session ${id}`), { id, password_hash: 'x' }, ''),
      column: 'last_used_at',
      lasts: `${LIMITS.sessionIdleDays} days`,
    },
    {
      table: 'sessions',
      make: id => createSession(site.db, keyHash(`old session ${id}`), { id, password_hash: 'x' }, ''),
      column: 'created_at',
      lasts: `${LIMITS.sessionDays} days`,
    },
    {
      table: 'tokens',
      make: id => createToken(site.db, { id, password_hash: 'x' }, { key_hash: keyHash(`token ${id}`) }),
      column: 'last_used_at',
      lasts: `${LIMITS.tokenIdleDays} days`,
    },
    {
      table: 'resets',
      make: id => createReset(site.db, id, keyHash(`reset ${id}`)),
      column: 'created_at',
      lasts: `${LIMITS.resetHours} hours`,
    },
  ]

  for (const { table, make, column, lasts } of KINDS) {
    it(`leaves the database once an hour: ${table} by ${column} after ${lasts}, and not before`, async () => {
      await site.pool.query(`delete from ${table}`)
      for (const id of ids) {
        await make(id)
      }
      await site.pool.query(
        `update ${table} set ${column} = now() - $1::interval + case when user_id = $2 then interval '-1 minute' else '1 minute' end`,
        [lasts, ids[0]],
      )
      await deleteExpired(site.db)
      const { rows } = await site.pool.query(`select user_id from ${table}`)
      assert.deepEqual(
        rows.map(({ user_id }) => user_id),
        ids.slice(1),
      )
    })
  }

  it('leaves the database once an hour: the rates of those who have all their turns again', async () => {
    await takeFromRate(site.db, 'rate', 'over', { burst: 1, seconds: 1000 })
    await takeFromRate(site.db, 'rate', 'under way', { burst: 1, seconds: 1000 })
    await site.pool.query(`update limits set due_at = now() - interval '1 second' where subject = 'over'`)
    await deleteExpired(site.db)
    const { rows } = await site.pool.query(`select subject from limits where name = 'rate'`)
    assert.deepEqual(rows, [{ subject: 'under way' }])
  })
})
