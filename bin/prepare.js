// What every command here does first, on Node's own modules alone: install what is missing and build what is out of date.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Chatire needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

/** Installs when the lock file is newer than what is installed, and compiles when a source is newer than its output. */
export async function prepare() {
  // npm writes this file last, so an installation that was cut off counts as none.
  const installed = at('node_modules/.package-lock.json')
  if (modified(installed) < modified(at('package-lock.json')) || !existsSync(at('node_modules/typescript'))) {
    say('Installing packages (once)')
    await run('npm', ['ci', '--no-audit', '--no-fund'], 'The packages could not be installed.')
  }
  const newest = Math.max(
    ...['src', 'test', 'bench', 'tsconfig.json', 'package-lock.json'].map(name => newestIn(at(name))),
  )
  const built = at('dist/built')
  if (modified(built) < newest) {
    say('Building')
    const begun = new Date()
    rmSync(at('dist'), { recursive: true, force: true })
    await run(process.execPath, [at('node_modules/typescript/bin/tsc')], 'The build failed.')
    writeFileSync(built, '')
    // As of before the build: what was edited meanwhile is built the next time.
    utimesSync(built, begun, begun)
  }
}

export function at(name) {
  return path.join(root, name)
}

/**
 * Runs to its end, with its output here; ends this program with the sentence when it fails. A signal ends both, and whatever
 * the command has started: npm and the compiler's script leave that behind, and the compiler itself ignores signals.
 */
export async function run(command, args, sentence) {
  const onWindows = process.platform === 'win32'
  // npm is a script on Windows, and there are no process groups.
  const options = { shell: command === 'npm' && onWindows, detached: !onWindows }
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
  let told
  const stop = signal => {
    told = signal
    child.kill(signal)
    setTimeout(() => child.kill('SIGKILL'), 10_000)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, stop)
  const [status, error] = await once(child, 'close').catch(error => [1, error])
  for (const signal of signals) process.off(signal, stop)
  if (told) {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has left nothing behind.
    }
    process.exit(128 + constants.signals[told])
  }
  if (status !== 0) {
    fail(`${sentence}${error instanceof Error ? ` ${error.message}` : ''}`)
  }
}

export function say(sentence) {
  console.log(sentence)
}

export function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}

/**
 * Runs a function of the compiled program, says why it failed, and ends. A failure that is for the person at the terminal is a
 * sentence; any other is a mistake of the program, whose stack is shown by the lines of the source.
 */
export async function runMain(main) {
  // Before it is imported: Node reads the map of a file together with the file.
  process.setSourceMapsEnabled(true)
  try {
    await main()
  } catch (error) {
    const { OperatorError } = await import(new URL('../dist/src/operator-error.js', import.meta.url))
    fail(error instanceof OperatorError ? error.message : error.stack)
  }
  process.exit()
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
