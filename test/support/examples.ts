import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, symlink } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { skipWithout } from './programs.js'
import { runProgram, until } from './server.js'

/** Where the examples are, with the packages that bin/test.js installs there. */
export const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url))

/** The command of each bot, in a folder where the examples were built, and what it needs on the machine. */
export const BOTS = {
  TypeScript: { command: [process.execPath, 'built/bot.js'], needed: skipWithout(process.execPath, '--version') },
  Python: { command: ['python3', 'bot.py'], needed: skipWithout('python3', '-c', 'import requests') },
  shell: { command: ['./bot.sh'], needed: skipWithout('jq', '--version') },
} satisfies Record<string, { command: string[]; needed: (this: Mocha.Context) => Promise<void> }>

/** Copies the examples, so that what they are built into is not left among them. */
export async function copyExamples(folder: string) {
  if (!existsSync(path.join(EXAMPLES, 'node_modules'))) {
    throw new Error('The packages of examples/ are missing: npm test installs them, or npm ci there.')
  }
  const made = ['node_modules', 'built', 'api.d.ts', 'cursor']
  await cp(EXAMPLES, folder, { recursive: true, filter: name => !made.includes(path.relative(EXAMPLES, name)) })
  await symlink(path.join(EXAMPLES, 'node_modules'), path.join(folder, 'node_modules'))
}

/** Runs a command in the folder to its end. */
export async function runIn(folder: string, [program = '', ...args]: string[], env: Record<string, string> = {}) {
  const { child, lines, ended } = runProgram(program, args, env, folder)
  child.stdout.on('data', chunk => lines.push(...String(chunk).trimEnd().split('\n')))
  return { code: await ended, said: lines.join('\n') }
}

export interface Bot {
  /** Resolves with its exit code, or the name of the signal that ended it. */
  ended: Promise<number | string>
  /** What it has printed. */
  readonly said: string
  /** Waits until it has kept a cursor: what is posted from then on is for it. */
  follows(): Promise<void>
  /** Ends it at once, with what it has started. */
  kill(): Promise<unknown>
}

/** Starts a bot, whose file of the cursor is `env.CURSOR`. */
export function startBot(folder: string, [program = '', ...args]: string[], env: { CURSOR: string }): Bot {
  const options = { cwd: folder, env: { ...process.env, ...env }, detached: true }
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      said += chunk
    })
  }
  let hasEnded = false
  const ended = once(child, 'close').then(([code, signal]) => {
    hasEnded = true
    return (code ?? signal) as number | string
  })
  return {
    ended,
    get said() {
      return said
    },
    async follows() {
      await until(() => existsSync(env.CURSOR) || hasEnded)
      if (hasEnded) {
        throw new Error(`The bot has ended: ${said}`)
      }
    },
    async kill() {
      if (!hasEnded && child.pid) {
        // The shell's curl is in its group.
        process.kill(-child.pid, 'SIGKILL')
      }
      return ended
    },
  }
}
