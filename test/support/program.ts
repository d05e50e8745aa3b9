import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from './server.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** A script of bin/. It need not become ready. */
export interface Program {
  child: ChildProcess
  /** What it has printed so far, with its standard error. */
  lines: string[]
  /** Resolves with its exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>
  /** Waits for a line that matches. */
  says(words: RegExp): Promise<void>
  /** Sends the signal and expects the exit code. */
  endsWith(signal: NodeJS.Signals, code: number): Promise<void>
  kill(): Promise<unknown>
}

/** In a process group of its own, as a shell at a terminal starts its commands. */
export function startProgram(args: string[], env: Record<string, string>): Program {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const lines: string[] = []
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', line => lines.push(line))
  }
  let hasEnded = false
  const ended = once(child, 'close').then(([code, signal]) => {
    hasEnded = true
    return (code ?? signal) as number | string
  })
  return {
    child,
    lines,
    ended,
    async says(words) {
      const said = () => lines.some(line => words.test(line))
      await until(() => said() || hasEnded)
      assert.ok(said(), `It does not say ${words}:\n${lines.join('\n')}`)
    },
    async endsWith(signal, code) {
      child.kill(signal)
      assert.equal(await ended, code, lines.join('\n'))
    },
    kill() {
      child.kill('SIGKILL')
      return ended
    },
  }
}
