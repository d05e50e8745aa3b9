// What every command here does first, on Node's own modules alone: install what is missing and build what is out of date.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Chatire needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

/** Installs when the lock file is newer than what is installed, and compiles when a source is newer than its output. */
export function prepare() {
  // npm writes this file last, so an installation that was cut off counts as none.
  const installed = at('node_modules/.package-lock.json')
  if (modified(installed) < modified(at('package-lock.json')) || !existsSync(at('node_modules/typescript'))) {
    say('Installing packages (once)')
    run('npm', ['ci', '--no-audit', '--no-fund'], 'The packages could not be installed.')
  }
  const newest = Math.max(
    ...['src', 'test', 'bench', 'tsconfig.json', 'package-lock.json'].map(name => newestIn(at(name))),
  )
  const built = at('dist/built')
  if (modified(built) < newest) {
    say('Building')
    const begun = new Date()
    rmSync(at('dist'), { recursive: true, force: true })
    run(process.execPath, [at('node_modules/typescript/bin/tsc')], 'The build failed.')
    writeFileSync(built, '')
    // As of before the build: what was edited meanwhile is built the next time.
    utimesSync(built, begun, begun)
  }
}

export function at(name) {
  return path.join(root, name)
}

/** Runs to its end, with its output here; ends this program with the sentence when it fails. */
export function run(command, args, sentence) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // npm is a script on Windows.
    shell: command === 'npm' && process.platform === 'win32',
  })
  if (error || status !== 0) {
    fail(`${sentence}${error ? ` ${error.message}` : ''}`)
  }
}

export function say(sentence) {
  console.log(sentence)
}

export function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}

function newestIn(name) {
  const stat = statSync(name, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(name).map(entry => newestIn(path.join(name, entry))))
}

function modified(name) {
  return statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
