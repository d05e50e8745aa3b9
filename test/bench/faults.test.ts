import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { runCommand, runScript, temporaryFolder } from '../support/server.js'

const RUN = 'dist/bench/faults/run.js'

/** Those that need no root and least time. All of them are injected by the command (docs/proof.md). */
const FAULTS = [
  'kill a worker',
  'kill PostgreSQL',
  'cut connections of senders and readers',
  'cut connections to PostgreSQL',
  'terminate all backends',
]

/** For how long posts are sent: the rest is what PostgreSQL and the program take to start. */
const SECONDS = 20

describe('npm run faults', () => {
  it('says what it takes', async () => {
    const { ended, lines } = runScript([RUN, '--only', 'an earthquake'], {})
    assert.equal(await ended, 2)
    assert.match(lines.join('\n'), /--only takes some of these: upgrade from an earlier version, kill the program, /)
    const { code, said } = await runCommand([RUN, '--help'], {})
    assert.equal(code, 0)
    assert.match(said, /^npm run faults -- \[--minutes 30\]/)
  })

  it('finds nothing lost, twice, out of order or wrong in 5,000 posts', async function () {
    this.timeout(600_000)
    const folder = await temporaryFolder('chatire-faults-')
    try {
      const file = path.join(folder.path, 'faults.md')
      const { said } = await runCommand(
        [RUN, '--minutes', String(SECONDS / 60), '--posts', '5000', '--only', FAULTS.join(','), '--to', file],
        {},
      )
      const rows = (await readFile(file, 'utf8')).split('\n').map(line => line.split('|').map(cell => cell.trim()))
      for (const fault of FAULTS) {
        const [, , injected, operations, ...found] = rows.find(([, name]) => name === fault) ?? []
        assert.ok(Number(injected) > 0 && Number(operations) >= 1000, said)
        // What comes late depends on the machine.
        assert.deepEqual(found.slice(0, 4), ['0', '0', '0', '0'], said)
      }
    } finally {
      await folder.remove()
    }
  })
})
