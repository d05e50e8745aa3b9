import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parsedUrl } from '../src/urls.js'

const pins = spawnSync('taskset', ['-V']).status === 0 && availableParallelism() > 1

/** A line for the output: on which cores the programs ran. */
export const placement = pins ? 'servers and PostgreSQL on core 0, load on core 1' : 'servers and load share all cores'

/** Starts one of our programs, on core 0 unless it is said to take any, and waits until it prints its URL. */
export async function start(
  args: string[],
  env: Record<string, string> = {},
  anyCore = false,
): Promise<{ url: string; child: ChildProcess }> {
  const command = [...(pins && !anyCore ? ['taskset', '-c', '0'] : []), process.execPath, ...args]
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /Ready: ([^\s"]+)/.exec(line) ?? []
    if (url) {
      child.stdout.resume()
      return { url, child }
    }
  }
  throw new Error(`${args.join(' ')} did not become ready`)
}

export async function stop(child: ChildProcess) {
  if (child.exitCode === null) {
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
}

/** Keeps this process, which makes the load, away from the servers' core. */
export function stayOffTheServersCore() {
  if (pins) {
    spawnSync('taskset', ['-cp', '1', String(process.pid)])
  }
}

/** A program that was started. */
export interface Started {
  url: string
  /** 0 of a database, which is at a socket. */
  port: number
  pid: number
}

/**
 * Does the work with a folder of its own and with what it starts, while this process stays off the servers' core. Ends all of it and removes the folder
 * afterwards.
 */
export async function withPrograms(
  work: (run: (args: string[], env?: Record<string, string>) => Promise<Started>, folder: string) => Promise<void>,
) {
  stayOffTheServersCore()
  const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
  const children: ChildProcess[] = []
  try {
    await work(async (args, env) => {
      const { url, child } = await start(args, env)
      children.push(child)
      return { url, port: Number(parsedUrl(url)?.port ?? 0), pid: child.pid ?? 0 }
    }, folder)
  } finally {
    // The database, which was started first, is stopped last.
    for (const child of children.reverse()) {
      await stop(child)
    }
    await rm(folder, { recursive: true, force: true })
  }
}

/** The main process of the PostgreSQL whose files are somewhere in that folder. */
export function postmasterIn(folder: string): number {
  const [file = ''] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    name => path.basename(name) === 'postmaster.pid',
  )
  return Number(readFileSync(path.join(folder, file), 'utf8').split('\n')[0])
}

/** The clock of /proc counts hundredths of a second. */
export const TICKS = 100

/** The processor time of a process, its children and those that have ended, in ticks. */
export function cpu(pid = 0): number {
  let sum = 0
  for (const name of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      const [parent, own, ended] = [1, 11, 13].map(n => Number(fields[n]) + (n === 1 ? 0 : Number(fields[n + 1])))
      if (Number(name) === pid) {
        sum += (own ?? 0) + (ended ?? 0)
      } else if (parent === pid) {
        sum += own ?? 0
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum
}
