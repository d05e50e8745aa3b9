// What every command here does first, on Node's own modules alone: install what is missing and build what is out of date.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Chatire needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

/** What can be built: from which sources, and the files that say when. Tests and benchmarks are built with the program. */
const BUILDS = {
  program: { project: 'src', sources: ['src'], marks: ['dist/program-built'] },
  tests: { project: '.', sources: ['src', 'test', 'bench'], marks: ['dist/tests-built', 'dist/program-built'] },
}

/** Installs what is missing, and builds the program, or with it the tests and benchmarks, where a source is newer. */
export async function prepare(what = 'tests') {
  // Stacks are shown by the lines of the sources: here, where Node reads the map of a file together with the file, and in every
  // program that is started from here.
  process.setSourceMapsEnabled(true)
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`
  await install()
  const { sources, marks } = BUILDS[what]
  const newest = Math.max(
    ...[...sources, 'static', 'bin/prepare.js', 'tsconfig.json', 'package-lock.json'].map(name => newestIn(at(name))),
  )
  if (modified(at(marks[0])) < newest) {
    say('Building')
    // What was made of sources that are gone must go too.
    rmSync(at('dist'), { recursive: true, force: true })
    await build(what)
  }
}

/** Installs the packages of the folder's lock file, where one is missing or of another version. */
export async function install(folder = '.') {
  if (!isInstalled(folder)) {
    say(folder === '.' ? 'Installing packages (once)' : `Installing packages of ${folder} (once)`)
    await run('npm', ['ci', '--no-audit', '--no-fund', '--prefix', folder], 'The packages could not be installed.')
  }
}

/** Compiles the program or all that there is, and bundles the script and the style of the pages. */
export async function build(what) {
  const { project, marks } = BUILDS[what]
  const begun = new Date()
  await run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at(project)], 'The build failed.')
  await bundle()
  for (const mark of marks) {
    writeFileSync(at(mark), '')
    // As of before the build: what was edited meanwhile is built the next time.
    utimesSync(at(mark), begun, begun)
  }
}

/** htmx 4 runs in no older browsers than these. */
const BROWSERS = ['chrome99', 'firefox97', 'safari15.4']

/** The script follows htmx and its extension in one classic file (src/http/assets.ts). Its second bundle is a module. */
async function bundle() {
  const { buildSync } = await import('esbuild')
  try {
    // The asynchronous one would leave a process of its own beside the server.
    const options = { absWorkingDir: root, outdir: 'dist/static', bundle: true, minify: true, target: BROWSERS }
    buildSync({
      ...options,
      entryPoints: [
        { in: 'static/app/main.ts', out: 'app' },
        { in: 'static/style/main.css', out: 'app' },
      ],
      format: 'iife',
    })
    buildSync({ ...options, entryPoints: ['static/app/extras.ts'], format: 'esm' })
  } catch {
    // It has said where the mistake is.
    fail('The script or the style of the pages could not be bundled.')
  }
}

/** Whether each package is there, in the version of the lock file. npm writes its own list last: without it an installation was cut off. */
function isInstalled(folder) {
  const inside = name => at(path.join(folder, name))
  const list = inside('node_modules/.package-lock.json')
  if (!existsSync(list)) return false
  const packagesOf = name => JSON.parse(readFileSync(name, 'utf8')).packages
  const installed = packagesOf(list)
  const wanted = Object.entries(packagesOf(inside('package-lock.json'))).filter(([name]) => name !== '')
  return wanted.every(([name, { version, optional }]) =>
    installed[name] ? installed[name].version === version && existsSync(inside(name)) : optional,
  )
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
