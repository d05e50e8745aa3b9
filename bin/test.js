// npm test: installs and builds what is missing, gets a browser, and runs all tests, or those whose compiled files are named:
// npm test -- dist/test/routes/story.test.js
import { spawnSync } from 'node:child_process'
import { browser } from './browser.js'
import { at, prepare } from './prepare.js'

await prepare()
process.env.CHROMIUM = await browser()
const [, , ...args] = process.argv
const { status } = spawnSync(
  process.execPath,
  [at('bin/suite.js'), ...(args.length > 0 ? args : ['dist/test/**/*.test.js'])],
  { cwd: at('.'), stdio: 'inherit' },
)
process.exit(status ?? 1)
