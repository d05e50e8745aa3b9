import assert from 'node:assert/strict'
import { runScript } from '../support/server.js'

/** The short form of `npm run soak`, by the same program. */
describe('npm run soak', () => {
  it('finds that each of 100 streams gets every message once, in order, with 10 posts a second @long', async () => {
    const { child, lines, ended } = runScript(['dist/bench/soak.js', '3', '100'], { LOG_LEVEL: 'info' })
    child.stdout.on('data', chunk => lines.push(...String(chunk).trimEnd().split('\n')))
    assert.equal(await ended, 0, lines.join('\n'))
    assert.ok(lines.includes('Every reader got every message once, in order.'), lines.join('\n'))
    console.log(lines.flatMap(line => (line.includes('│') ? `      ${line}` : [])).join('\n'))
  })

  it('finds that memory, descriptors, connections and dead rows stay as they are in mixed use of 10 s @long', async () => {
    const { child, lines, ended } = runScript(['dist/bench/growth.js', '10'], {})
    child.stdout.on('data', chunk => lines.push(String(chunk)))
    assert.equal(await ended, 0, lines.join('\n'))
    assert.match(lines.join('\n'), /Nothing grew, and nothing was lost\./)
  })
})
