import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createDatabase, databaseUrl, dropDatabase } from './support/databases.js'
import { type Program, startProgram } from './support/program.js'

/** More lines than pipes and sockets hold for their readers. */
const REQUESTS = 2_400

describe('a log that nobody reads', () => {
  let address: Awaited<ReturnType<typeof createDatabase>>
  let program: Program
  before(async () => {
    address = await createDatabase()
  })
  beforeEach(async () => {
    program = startProgram(['bin/start.js'], {
      DATABASE_URL: databaseUrl(address),
      LIMITS: 'off',
      LOG_LEVEL: 'trace',
    })
    await program.says(/Ready: /)
  })
  afterEach(() => program.child.kill('SIGKILL'))
  after(() => dropDatabase(address.database))

  it('does not keep the program from answering and ending where its reader takes nothing in', async () => {
    program.child.stdout?.pause()
    await answers()
    await ends()
  })

  it('does not keep the program from answering and ending where its reader is gone @long', async () => {
    program.child.stdout?.destroy()
    await answers()
    await ends()
  })

  async function answers() {
    const url = /http:\/\/127[^ "/]+/.exec(program.lines.join('\n'))?.[0]
    for (let sent = 0; sent < REQUESTS; sent += 40) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => fetch(`${url}/up`)))
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      await Promise.all(answers.map(answer => answer.arrayBuffer()))
    }
  }

  async function ends() {
    program.child.kill('SIGTERM')
    // Not `close`, which waits for the reader.
    assert.deepEqual(await once(program.child, 'exit'), [0, null])
  }
})
