import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The processes that this one has started, and those that they have: the nearest first. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const [, parent = '0'] = /^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
      parents.set(Number(parent), [...(parents.get(Number(parent)) ?? []), Number(name)])
    } catch {
      // It has ended meanwhile.
    }
  }
  const found: number[] = []
  for (let generation = parents.get(pid) ?? []; generation.length > 0; ) {
    found.push(...generation)
    generation = generation.flatMap(child => parents.get(child) ?? [])
  }
  return found
}

/** Sends the signal to those that are still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals) {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error
      }
    }
  }
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** How many files the process may open. */
export function mostFiles(pid: number): number {
  return Number(execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '--output=SOFT']))
}

export function limitFiles(pid: number, most: number) {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${most}:`])
}
