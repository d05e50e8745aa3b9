import assert from 'node:assert/strict'
import { endOf, seenUpTo } from '../../src/db/snapshots.js'
import { createDatabase, dropDatabase, openPool } from '../support/databases.js'

describe('a snapshot up to a transaction', () => {
  it('sees of those up to it what the whole one sees, and nothing behind it', async () => {
    const address = await createDatabase()
    const pool = openPool(address)
    const whole = ['100:100:', '100:110:', '100:110:100', '100:110:100,104,109', '103:104:103']
    const cases = whole.flatMap(snapshot => Array.from({ length: 20 }, (_, n) => ({ snapshot, newest: 95 + n })))
    try {
      const { rows } = await pool.query(
        `select whole, part, newest, xid from unnest($1::text[], $2::text[], $3::int[]) as one (whole, part, newest)
         cross join generate_series(90, 120) as xid
         where pg_visible_in_snapshot(xid::text::xid8, part::pg_snapshot)
           <> (pg_visible_in_snapshot(xid::text::xid8, whole::pg_snapshot) and xid <= newest)`,
        [
          cases.map(({ snapshot }) => snapshot),
          cases.map(({ snapshot, newest }) => seenUpTo(snapshot, newest)),
          cases.map(({ newest }) => newest),
        ],
      )
      assert.deepEqual(rows, [])
      for (const { snapshot, newest } of cases) {
        assert.ok(endOf(seenUpTo(snapshot, newest)) <= newest + 1 || seenUpTo(snapshot, newest) === snapshot)
      }
    } finally {
      await pool.end()
      await dropDatabase(address.database)
    }
  })
})
