import assert from 'node:assert/strict'
import { connect } from '../../src/db/connection.js'
import { openSite, type Site } from '../support/site.js'

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
