// npm test: installs and builds what is missing, gets a browser, and runs the tests, or those whose compiled files are named:
// npm test -- dist/test/routes/story.test.js. Tests with @long in their names wait or work for long, and each has a shorter one beside it:
// npm run test:all runs them too, and so does who picks tests by -g.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { browser } from './browser.js'
import { at, install, prepare } from './prepare.js'

/**
 * The files that take longest: if one of them came last, one core would be idle meanwhile. Those that keep the processor busy stand beside
 * those that mostly wait.
 */
const LONGEST = [
  'browser/owner',
  'bench/faults',
  'live/processes',
  'browser/chat',
  'live/outages',
  'browser/people',
  'failing',
  'live/pages',
  'live/slow-readers',
  'input/bounds',
  'live/frame',
  'browser/account',
  'live/endings',
]

await prepare()
await install('examples')
process.env.CHROMIUM = await browser()
const [, , ...words] = process.argv
const args = words.filter(word => word !== '--all')
const named = args.some(arg => arg.endsWith('.test.js'))
const short = !named && !words.some(word => /^(--all$|-g$|--grep\b)/.test(word))
const { status } = spawnSync(
  process.execPath,
  [at('bin/suite.js'), ...args, ...(short ? ['--grep=@long', '--invert'] : []), ...(named ? [] : files())],
  { cwd: at('.'), stdio: 'inherit' },
)
process.exit(status ?? 1)

/** All test files, the longest first. */
function files() {
  const all = readdirSync(at('dist/test'), { recursive: true })
    .filter(name => name.endsWith('.test.js'))
    .map(name => name.slice(0, -'.test.js'.length))
    .sort()
  return [...LONGEST, ...all.filter(name => !LONGEST.includes(name))].map(name => `dist/test/${name}.test.js`)
}
