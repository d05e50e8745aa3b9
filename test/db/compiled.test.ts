import assert from 'node:assert/strict'
import { compiledOnce } from '../../src/db/compiled.js'
import { openSite, type Site } from '../support/site.js'

describe('a statement that is compiled once', () => {
  let site: Site
  let built = 0
  const usernames = compiledOnce((db, { after, limit }: { after: string | undefined; limit: number }) => {
    built++
    return db
      .selectFrom('users')
      .select('username')
      .$if(after !== undefined, query => query.where('username', '>', after ?? ''))
      .orderBy('username')
      .limit(limit)
  })
  before(async () => {
    site = await openSite()
    for (const name of ['ann', 'bob', 'cleo']) {
      await site.pool.query(
        'insert into users (username, folded_username, name, folded_name) values ($1, $1, $1, $1)',
        [name],
      )
    }
  })
  after(() => site.close())

  it('is built once for each set of values that are there, and run with the values of each call', async () => {
    const found = async (after: string | undefined, limit: number) =>
      (await usernames(site.db, { after, limit })).map(({ username }) => username)
    assert.deepEqual(await found(undefined, 2), ['ann', 'bob'])
    assert.deepEqual(await found(undefined, 1), ['ann'])
    assert.deepEqual(await found('ann', 2), ['bob', 'cleo'])
    assert.deepEqual(await found('bob', 2), ['cleo'])
    assert.equal(built, 2)
  })

  it('cannot compute with a value, as that would be kept', async () => {
    const more = compiledOnce((db, { limit }: { limit: number }) =>
      db
        .selectFrom('users')
        .select('username')
        .limit(limit + 1),
    )
    await assert.rejects(more(site.db, { limit: 1 }), /cannot compute with limit/)
  })
})
