import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { PATIENCE } from './patience.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface Running {
  /** Without a slash at the end. */
  url: string
  child: ChildProcess
  /** What it has printed so far, line by line. */
  lines: string[]
  /** Milliseconds from the call to the line that says it is ready. */
  startedIn: number
  /** Resolves with its exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>
}

/**
 * Runs the program as `npm start` does, on a port of its own. `prefix` is the beginning of the command line. Rejects with its output if it ends
 * without being ready.
 */
export async function startServer(env: Record<string, string>, prefix: readonly string[] = []): Promise<Running> {
  const begun = performance.now()
  const [program = '', ...args] = [...prefix, process.execPath, 'bin/start.js']
  const { child, lines, ended } = runProgram(program, args, { PORT: '0', HOST: '127.0.0.1', LIMITS: 'off', ...env })
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    lines.push(line)
    const [, url] = /Ready: (http:[^\s"]+)\//.exec(line) ?? []
    if (url) {
      child.stdout?.on('data', chunk => lines.push(...String(chunk).split('\n')))
      return { url, child, lines, ended, startedIn: performance.now() - begun }
    }
  }
  throw new Error(`It ended with ${await ended}:\n${lines.join('\n')}`)
}

/** A script of bin/. Its lines include standard error. */
export function runScript(args: string[], env: Record<string, string>) {
  return runProgram(process.execPath, args, env)
}

/** A script of bin/ that ends by itself: what it printed, as it is and without line ends around it, and standard error. */
export async function runCommand(args: string[], env: Record<string, string>) {
  const { child, lines, ended } = runScript(args, env)
  let printed = ''
  child.stdout.on('data', chunk => {
    printed += chunk
  })
  return { code: await ended, said: printed.trim(), printed, errors: lines.join('\n') }
}

export function runProgram(program: string, args: string[], env: Record<string, string>, cwd = root) {
  const lines: string[] = []
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.on('data', chunk => lines.push(...String(chunk).trimEnd().split('\n')))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return { child, lines, ended }
}

export async function temporaryFolder(name = 'chatire-data-'): Promise<{ path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), name))
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** The processes of PostgreSQL servers whose data is below the folder. */
export function postgresProcesses(folder: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return program.endsWith('/postgres') && args.some(arg => arg.startsWith(folder))
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Asks again and again until the answer is true. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(`Still not so after ${PATIENCE} ms: ${holds}`)
    }
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}
