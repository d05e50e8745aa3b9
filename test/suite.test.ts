import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { runScript, temporaryFolder } from './support/server.js'

const PASSES = 'it("passes", () => {});'
const FAILS = 'it("fails", () => { throw new Error("as ever") })'
const BY_CHANCE = `it("passes the second time", () => {
  const { existsSync, writeFileSync } = require('node:fs')
  if (!existsSync(__filename + '.run')) {
    writeFileSync(__filename + '.run', '')
    throw new Error('the first time')
  }
})`

describe('npm test', () => {
  const CASES: [string, Record<string, string>, { code: number; again?: string[]; unsteady?: string[] }, string?][] = [
    ['passes where all tests pass', { 'browser/a': PASSES, 'live/b': PASSES }, { code: 0 }],
    [
      'runs a file with a browser in it once more where it failed, and lists it where it passes then',
      { 'browser/a': PASSES + BY_CHANCE, 'browser/b': PASSES, 'live/b': PASSES, 'live/engines': BY_CHANCE },
      { code: 0, again: ['browser/a', 'live/engines'], unsteady: ['browser/a', 'live/engines'] },
    ],
    [
      'fails where such a file fails twice @long',
      { 'live/frame': FAILS, 'text-browsers': BY_CHANCE },
      { code: 1, again: ['live/frame', 'text-browsers'], unsteady: ['text-browsers'] },
    ],
    [
      'fails where another file fails, if by chance alone',
      { 'live/pages': BY_CHANCE, 'live/outages': BY_CHANCE },
      { code: 1, again: ['live/pages'], unsteady: ['live/pages'] },
    ],
    [
      'fails where a file cannot be loaded, or ends its process @long',
      { 'live/pages': BY_CHANCE, 'routes/a': 'require("./nothing")', 'routes/b': 'it("x", () => process.exit())' },
      { code: 1, again: ['live/pages'], unsteady: ['live/pages'] },
    ],
    ['runs nothing twice without CI=true', { 'browser/a': BY_CHANCE }, { code: 1 }, 'false'],
  ]
  for (const [what, files, { code, again = [], unsteady = [] }, CI = 'true'] of CASES) {
    it(what, async () => {
      const folder = await temporaryFolder('chatire-suite-')
      const fileOf = (name: string) => path.join(folder.path, 'test', `${name}.test.js`)
      try {
        for (const [name, text] of Object.entries(files)) {
          await mkdir(path.dirname(fileOf(name)), { recursive: true })
          await writeFile(fileOf(name), text)
        }
        const args = ['bin/suite.js', '--no-config', '--parallel', path.join(folder.path, 'test/**/*.test.js')]
        const { child, lines, ended } = runScript(args, { CI })
        child.stdout.on('data', chunk => lines.push(...String(chunk).split('\n')))
        const said = () => lines.join('\n')
        assert.equal(await ended, code, said())
        const named = (before: string) =>
          lines.filter(line => line.startsWith(before)).map(line => line.slice(before.length))
        assert.deepEqual(named('Once more, alone: '), again.map(fileOf), said())
        assert.deepEqual(named('  unsteady: '), unsteady.map(fileOf), said())
        assert.match(said(), /\d passing/)
      } finally {
        await folder.remove()
      }
    })
  }
})
