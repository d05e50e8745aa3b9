import assert from 'node:assert/strict'
import { connect, hasSessions, probe } from '../../src/db/connection.js'
import { openSite, type Site } from '../support/site.js'
import { openWire } from '../support/wire.js'

describe('connect', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('lives on when a connection that is in use is cut between two statements', async () => {
    const client = await site.pool.connect()
    const { rows } = await client.query('select pg_backend_pid() as pid')
    // Not events.once, which listens to errors, too.
    const ended = new Promise<void>(resolve => client.once('end', resolve))
    await site.pool.query('select pg_terminate_backend($1)', [rows[0].pid])
    await ended
    await assert.rejects(client.query('select 1'))
    client.release(true)
    assert.equal((await site.pool.query('select 1 as one')).rows[0].one, 1)
  })

  it('lives on when a new connection falls silent before it is set up @long', async () => {
    const wire = await openWire(site.address as Parameters<typeof openWire>[0])
    const { db } = connect(wire.address, () => {})
    try {
      wire.hold('set lock_timeout')
      await assert.rejects(probe(db), /timeout/)
      assert.ok(wire.held > 0)
      wire.release()
      await probe(db)
    } finally {
      await db.destroy()
      await wire.close()
    }
  })

  it('commits durably and reads what is committed, whatever the server’s defaults', async () => {
    const { pool } = connect(site.address, () => {})
    for (const [setting, value] of Object.entries({
      synchronous_commit: 'on',
      default_transaction_isolation: 'read committed',
      lock_timeout: '2s',
      idle_in_transaction_session_timeout: '5s',
      idle_session_timeout: '0',
    })) {
      const { rows } = await pool.query(`select current_setting('${setting}') as value`)
      assert.equal(rows[0].value, value, setting)
    }
    await pool.end()
  })
})

describe('hasSessions', () => {
  it('rejects where the second of its connections is refused', async () => {
    const site = await openSite()
    try {
      await site.pool.query('create role one_at_a_time login connection limit 1')
      await assert.rejects(hasSessions({ ...site.address, user: 'one_at_a_time' }), /too many connections/)
      await site.pool.query('drop role one_at_a_time')
    } finally {
      await site.close()
    }
  })
})
