import assert from 'node:assert/strict'
import { FAULTS, type Fault } from '../../bench/faults/faults.js'
import { play } from '../../bench/faults/scene.js'
import { openWorld, type World } from '../../bench/faults/world.js'
import { isClean } from '../../bench/judge/findings.js'
import { runScript, temporaryFolder } from '../support/server.js'

/** What takes longest is tried by the long form alone. */
const SHORT = [
  'cut connections of senders and readers',
  'cut connections to PostgreSQL',
  'terminate all backends',
  'kill a worker',
  'kill PostgreSQL',
]

/** After these a cursor of all chats may skip events: docs/proof.md says what is known of that. */
const SKIPPING = [
  'cut connections to PostgreSQL',
  'kill PostgreSQL',
  'kill one backend of PostgreSQL',
  'stop PostgreSQL at once',
  'kill everything at once',
  'fill the disk',
]
const BY_CURSOR = /^lost: (A \w+ of all chats|The stream of somebody who leaves)/

describe('npm run faults', () => {
  describe('with 8 senders in 2 chats', () => {
    let world: World
    before(async function () {
      this.timeout(120_000)
      world = await openWorld(0, 8, 2)
    })
    after(() => world.close())

    for (const fault of FAULTS.filter(({ name }) => SHORT.includes(name))) {
      it(`loses nothing: ${fault.name}`, async () => {
        await assertClean(fault)
      })
    }

    for (const fault of FAULTS.filter(({ name }) => !SHORT.includes(name) && name !== 'nothing')) {
      it(`loses nothing: ${fault.name} @long`, async function () {
        if (await fault.lacks?.(world)) {
          this.skip()
        }
        await assertClean(fault)
      })
    }

    async function assertClean(fault: Fault) {
      const { injected, verdict } = await play(world, fault, 1, 60, 60)
      assert.equal(injected, 1)
      assert.ok(verdict.posts >= 60)
      const isKnown = SKIPPING.includes(fault.name) && verdict.sentences.every(sentence => BY_CURSOR.test(sentence))
      assert.ok(isKnown || isClean(verdict), verdict.sentences.join('\n'))
    }
  })

  it('takes 20 s, posts 5,000 messages and writes a table @long', async function () {
    this.timeout(600_000)
    const folder = await temporaryFolder()
    const names = [...SHORT, 'kill the program', 'kill the main process'].join()
    const args = ['--minutes', '0.333', '--posts', '5000', '--only', names, '--to', `${folder.path}/faults.md`]
    const { child, lines, ended } = runScript(['dist/bench/faults/run.js', ...args], {})
    child.stdout.on('data', chunk => lines.push(String(chunk)))
    assert.equal(await ended, 0, lines.join('\n'))
    assert.match(lines.join(''), /^\| all \| \d+ \| \d+ \| 0 \| 0 \| 0 \| 0 \| 0 \|/m)
    await folder.remove()
  })

  it('says what it takes', async () => {
    const { ended, lines } = runScript(['dist/bench/faults/run.js', '--only', 'an earthquake'], {})
    assert.equal(await ended, 2)
    assert.match(lines.join('\n'), /--only takes some of these: nothing, kill the program, /)
  })
})
