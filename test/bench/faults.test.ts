import assert from 'node:assert/strict'
import { runScript } from '../support/server.js'

// The faults themselves are injected by the command alone, as some of them show what is not mended yet (docs/proof.md).
describe('npm run faults', () => {
  it('says what it takes', async () => {
    const { ended, lines } = runScript(['dist/bench/faults/run.js', '--only', 'an earthquake'], {})
    assert.equal(await ended, 2)
    assert.match(lines.join('\n'), /--only takes some of these: nothing, kill the program, /)
  })
})
