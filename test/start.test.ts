import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { chmod, cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from './support/program.js'
import { postgresProcesses, temporaryFolder, until } from './support/server.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Fails where the program begins to listen, as after an upgrade of Node that takes a function away. */
const WITHOUT_CREATE_SERVER = `data:text/javascript,${encodeURIComponent(
  "import http from 'node:http'; import { syncBuiltinESMExports } from 'node:module'; http.createServer = undefined; syncBuiltinESMExports()",
)}`

describe('a start', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>
  let folder = ''
  const ending: (() => unknown)[] = []

  // One for all: each test leaves it as it found it. The first creates the database in it.
  before(async () => {
    data = await temporaryFolder()
    folder = path.join(data.path, 'data')
  })
  after(() => data.remove())
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) {
      await end()
    }
    await until(() => postgresProcesses(folder).length === 0)
  })

  it('finishes the files of its database when Ctrl-C comes, says so, and ends @long', async () => {
    const program = start()
    await program.says(/Creating a database/)
    // A signal would end the PostgreSQL that fills them.
    await until(() =>
      draftsIn(folder).some(draft => existsSync(path.join(draft, 'base/1/PG_VERSION')) && programsIn(draft).length > 0),
    )
    // To the whole group, as a terminal does, and once more by npm.
    process.kill(-(program.child.pid as number), 'SIGINT')
    program.child.kill('SIGINT')
    await program.says(/SIGINT: finishing what is under way/)
    assert.equal(await program.ended, 0, program.lines.join('\n'))
    assert.ok(existsSync(path.join(filesIn(folder), 'PG_VERSION')))
    assert.deepEqual(draftsIn(folder), [])
    assert.deepEqual(postgresProcesses(folder), [])
    const next = start()
    await next.says(/Ready: /)
    assert.doesNotMatch(next.lines.join('\n'), /Creating/)
    await endsBy(next, 'SIGTERM')
  })

  it('says what PostgreSQL misses among its files @long', async () => {
    const file = path.join(filesIn(folder), 'base/5/1259')
    await rename(file, `${file}.gone`)
    ending.push(() => rename(`${file}.gone`, file))
    await fails({}, /PostgreSQL cannot work with its files in .*restore a backup.*base\/5\/1259/)
  })

  it('says which of its files PostgreSQL may not read @long', async () => {
    const base = path.join(filesIn(folder), 'base/5')
    await chmod(base, 0)
    ending.push(() => chmod(base, 0o700))
    await fails({}, /PostgreSQL cannot work with its files in .*base\/5.*Permission denied|denied.*base\/5/)
  })

  it('says after 5 s that PostgreSQL recovers, and ends when it is told to @long', async () => {
    const signal = path.join(filesIn(folder), 'recovery.signal')
    const settings = path.join(filesIn(folder), 'postgresql.auto.conf')
    await writeFile(signal, '')
    await writeFile(settings, "restore_command = 'sleep 600'\n")
    await chmod(signal, 0o666)
    ending.push(() => Promise.all([rm(signal), writeFile(settings, '')]))
    const program = start()
    await program.says(/PostgreSQL \(process \d+\) does not answer yet on .*Its log ends: /)
    await endsBy(program, 'SIGINT')
  })

  it('says after 5 s that an orphaned PostgreSQL does not answer, and ends when it is told to @long', async () => {
    const first = start()
    await first.says(/Ready: /)
    const [postmaster] = postgresProcesses(folder) as [number]
    process.kill(postmaster, 'SIGSTOP')
    ending.push(() => process.kill(postmaster, 'SIGCONT'))
    first.child.kill('SIGKILL')
    await first.ended
    // It ends with its program, once it is woken.
    ending.push(() => process.kill(postmaster, 'SIGINT'))
    const [patient, ended, user] = [start(), start(), run(['bin/users.js', 'reset-password', 'ann'])]
    await ended.says(/Waiting for the program that uses/)
    await ended.endsWith('SIGTERM', 0)
    // It asks the same server.
    await user.says(/cannot be reached or used: .*Waiting for it, 30 s at most/)
    await user.endsWith('SIGINT', 1)
    assert.equal(await patient.ended, 1)
    assert.match(patient.lines.join('\n'), new RegExp(`does not answer: .*kill -CONT ${postmaster} wakes it`))
  })

  it('ends with its PostgreSQL when that was stopped meanwhile @long', async () => {
    const program = start()
    await program.says(/Ready: /)
    process.kill(postgresProcesses(folder)[0] as number, 'SIGSTOP')
    await endsBy(program, 'SIGTERM')
    // Cleanly: it was not killed.
    assert.equal(existsSync(path.join(filesIn(folder), 'postmaster.pid')), false)
  })

  for (const workers of ['1', '2']) {
    it(`shows a mistake of the program by the lines of its source, with WEB_CONCURRENCY=${workers} @long`, async () => {
      const program = await fails(
        { WEB_CONCURRENCY: workers, NODE_OPTIONS: `--import ${WITHOUT_CREATE_SERVER}` },
        /TypeError: .*createServer.* is not a function/,
      )
      assert.match(program.lines.join('\n'), /src\/process\/listener\.ts:\d+/)
    })
  }

  it('ends while it builds, and leaves no compiler behind', async () => {
    const copy = path.join(data.path, 'copy')
    await mkdir(copy)
    for (const name of ['bin', 'src', 'static', 'tsconfig.json', 'package.json', 'package-lock.json']) {
      await cp(path.join(ROOT, name), path.join(copy, name), { recursive: true, preserveTimestamps: true })
    }
    await symlink(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
    const program = run([path.join(copy, 'bin/start.js')])
    await program.says(/Building/)
    await until(() => programsIn(copy).some(command => command.endsWith('/tsc')))
    await program.endsWith('SIGTERM', 143)
    assert.deepEqual(programsIn(copy), [])
    // The compiler writes at its end.
    assert.equal(existsSync(path.join(copy, 'dist/src')), false)
  })

  it('installs the packages again where one is missing, or of another version than in the lock file', async () => {
    const copy = path.join(data.path, 'installation')
    const modules = path.join(copy, 'node_modules')
    await mkdir(modules, { recursive: true })
    for (const name of ['bin', 'package.json', 'package-lock.json']) {
      await cp(path.join(ROOT, name), path.join(copy, name), { recursive: true })
    }
    for (const name of readdirSync(path.join(ROOT, 'node_modules'))) {
      await symlink(path.join(ROOT, 'node_modules', name), path.join(modules, name))
    }
    await writeFile(path.join(copy, 'npm'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    const installs = async () => {
      const program = run([path.join(copy, 'bin/users.js')], { PATH: `${copy}:${process.env.PATH}` })
      assert.equal(await program.ended, 1)
      return program.lines.includes('The packages could not be installed.')
    }
    assert.equal(await installs(), false)
    await rename(path.join(modules, 'esbuild'), path.join(copy, 'esbuild'))
    assert.equal(await installs(), true)
    await rename(path.join(copy, 'esbuild'), path.join(modules, 'esbuild'))
    const lock = JSON.parse(readFileSync(path.join(copy, 'package-lock.json'), 'utf8'))
    lock.packages['node_modules/esbuild'].version = '0.0.1'
    await writeFile(path.join(copy, 'package-lock.json'), JSON.stringify(lock))
    assert.equal(await installs(), true)
  })

  function start(env: Record<string, string> = {}): Program {
    return run(['bin/start.js'], env)
  }

  function run(args: string[], env: Record<string, string> = {}): Program {
    const program = startProgram(args, { DATA_DIR: folder, ...env })
    ending.push(program.kill)
    return program
  }

  async function fails(env: Record<string, string>, words: RegExp): Promise<Program> {
    const program = start(env)
    assert.equal(await program.ended, 1)
    assert.match(program.lines.join('\n'), words)
    assert.deepEqual(postgresProcesses(folder), [])
    return program
  }

  async function endsBy(program: Program, signal: 'SIGINT' | 'SIGTERM') {
    await program.endsWith(signal, 0)
    assert.deepEqual(postgresProcesses(folder), [])
  }
})

/** PostgreSQL's files in a data folder. */
function filesIn(folder: string): string {
  return path.join(folder, readdirSync(folder).find(name => /^postgres-\d+$/.test(name)) ?? '')
}

/** Those that are being made. */
function draftsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.includes('.init-'))
    .map(name => path.join(folder, name))
}

/** The programs that run in the folder. */
function programsIn(folder: string): string[] {
  return readdirSync('/proc').flatMap(pid => {
    try {
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return readlinkSync(`/proc/${pid}/cwd`) === folder ? [program] : []
    } catch {
      return []
    }
  })
}
