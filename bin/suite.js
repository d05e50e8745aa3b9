// The end of npm test: runs Mocha. With CI=true each file with browsers in it that failed is run once more, alone: browsers are
// other people's programs, and may fail by chance. What passes then is listed as unsteady. A failure in any other file is a fault.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { at } from './prepare.js'

const MOCHA = [
  at('node_modules/mocha/bin/mocha.js'),
  `--jobs=${availableParallelism()}`,
  `--reporter=${at('bin/reporter.js')}`,
]
const WITH_BROWSERS = /\/test\/(browser\/|text-browsers\.|live\/(engines|frame|frame-in-firefox|pages)\.)/

const [, , ...args] = process.argv
const { status, results } = runMocha(args)
const failed = file => results[file].failed > 0
const again =
  process.env.CI === 'true'
    ? Object.keys(results)
        .filter(file => failed(file) && WITH_BROWSERS.test(file))
        .sort()
    : []
const options = args.filter(arg => !arg.endsWith('.test.js'))
for (const file of again) {
  console.log(`\nOnce more, alone: ${file}`)
  Object.assign(results, runMocha([...options, file]).results)
}
if (again.length > 0) {
  const passed = Object.values(results).reduce((sum, result) => sum + result.passed, 0)
  console.log(`  ${passed} passing in all`)
  for (const file of again.filter(file => !failed(file))) {
    console.log(`  unsteady: ${file}`)
  }
}
const failures = Object.keys(results).filter(failed)
process.exit(again.length > 0 ? Math.min(failures.length, 1) : status)

function runMocha(args) {
  const folder = mkdtempSync(path.join(tmpdir(), 'chatire-results-'))
  const file = path.join(folder, 'results.json')
  const { status } = spawnSync(process.execPath, [...MOCHA, `--reporter-option=results=${file}`, ...args], {
    cwd: at('.'),
    stdio: 'inherit',
  })
  // Without a file Mocha itself came to its end too early.
  const results = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  rmSync(folder, { recursive: true })
  return { status: status ?? 1, results }
}
