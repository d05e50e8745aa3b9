import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { readConfig } from '../../src/config.js'
import { prepareDatabase } from '../../src/db/arrival.js'
import { OperatorError } from '../../src/operator-error.js'
import { createDatabase, createEmptyDatabase, databaseUrl } from '../support/databases.js'
import { type Program, startProgram } from '../support/program.js'
import { until } from '../support/server.js'

/** Kysely's number for migrations. */
const MIGRATION_LOCK = '3853314791062309107'

describe('the database that DATABASE_URL names', () => {
  const ending: (() => unknown)[] = []

  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) {
      await end()
    }
  })

  it('waits for a database that is not there yet and says so, or gives up after 30 s, without the password @long', async () => {
    const nowhere = `postgres://nobody:secret@127.0.0.1:${await freePort()}/none`
    const said: string[] = []
    const starting = { say: (sentence: string) => said.push(sentence), signal: new AbortController().signal }
    // As the program waits, but for the time.
    const givingUp = prepareDatabase(
      { connectionString: nowhere },
      readConfig({ DATABASE_URL: nowhere }),
      starting,
      2000,
    )
    const reason = assert.rejects(givingUp, (error: Error) => {
      assert.ok(error instanceof OperatorError)
      assert.match(error.message, /^The database that DATABASE_URL names cannot be reached .*ECONNREFUSED/)
      said.push(error.message)
      return true
    })
    const address = await createDatabase()
    const port = await freePort()
    const program = start(`postgres://${address.user}:secret@127.0.0.1:${port}/${address.database}`)
    await program.says(/DATABASE_URL names cannot be reached or used: .*ECONNREFUSED.*Waiting for it, 30 s at most/)
    await listenOn(port, client => {
      const server = connect(path.join(address.host, '.s.PGSQL.5432'))
      client.pipe(server).pipe(client)
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on('error', () => other.destroy())
      }
    })
    await program.says(/Ready: /)
    await program.endsWith('SIGTERM', 0)
    await reason
    assert.match(said[0] ?? '', /Waiting for it, 2 s at most/)
    assert.doesNotMatch([...said, ...program.lines].join('\n'), /secret/)
  })

  it('waits for a database that is created later @long', async () => {
    const { database, ...address } = await createEmptyDatabase()
    const name = `${database}_later`
    const program = start(databaseUrl({ ...address, database: name }))
    await program.says(/_later\\" does not exist.*Waiting for it/)
    await query({ ...address, database }, `create database ${name}`)
    await program.says(/Ready: /)
    await program.endsWith('SIGTERM', 0)
  })

  it('does not wait where the database refuses', async () => {
    const address = await createDatabase()
    const url = databaseUrl({ ...address, user: 'nobody_of_this_name' })
    const program = start(url)
    assert.equal(await program.ended, 1)
    assert.match(program.lines.join('\n'), /^The database that DATABASE_URL names cannot be reached .*role/m)
    assert.doesNotMatch(program.lines.join('\n'), /Waiting/)
  })

  it('says that the database does not answer, and ends when it is told to @long', async () => {
    const port = await freePort()
    await listenOn(port, () => {})
    const program = start(`postgres://nobody@127.0.0.1:${port}/none`)
    await program.says(/DATABASE_URL names (does not answer|cannot be reached or used: timeout)/)
    await program.endsWith('SIGTERM', 0)
  })

  it('ends while another migrates, and leaves nothing in the database @long', async () => {
    const address = await createEmptyDatabase()
    const holder = new pg.Client(address)
    await holder.connect()
    ending.push(() => holder.end())
    await holder.query(`select pg_advisory_lock(${MIGRATION_LOCK})`)
    const program = start(databaseUrl(address))
    await program.says(/database|migrat/i)
    await program.endsWith('SIGINT', 0)
    const sessions = `select from pg_stat_activity where datname = '${address.database}' and application_name like 'chatire%'`
    await until(async () => (await holder.query(sessions)).rowCount === 0)
  })

  function start(url: string): Program {
    const program = startProgram(['bin/start.js'], { DATABASE_URL: url })
    ending.push(program.kill)
    return program
  }

  async function listenOn(port: number, answer: (client: Socket) => void) {
    const server = createServer(answer).listen(port, '127.0.0.1')
    await once(server, 'listening')
    ending.push(() => server.close())
  }
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function query(address: pg.ClientConfig, sql: string) {
  const client = new pg.Client(address)
  await client.connect()
  await client.query(sql)
  await client.end()
}
