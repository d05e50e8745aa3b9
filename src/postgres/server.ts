import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, commandAs } from './account.js'
import type { Binaries } from './binaries.js'
import { findPostmaster } from './postmaster.js'
import { type Place, PORT } from './socket.js'

/** A PostgreSQL that this program started. */
export interface Server {
  readonly pid: number | undefined
  hasEnded(): boolean
  /** Resolves with how it ended and the last lines of its log, once nothing more can be written there. */
  readonly lastWords: Promise<string>
  /** Resolves (never rejects) with a sentence when it ends although it was not told to. */
  readonly died: Promise<string>
  /** The last line of its log. */
  lastLine(): string
  stop(): Promise<void>
}

export function spawnServer({ dir, socketDir }: Place, binaries: Binaries, account: Account): Server {
  const settings = ['listen_addresses=', 'unix_socket_permissions=0700', 'max_connections=100']
  const options = ['-D', dir, '-k', socketDir, '-p', String(PORT), ...settings.flatMap(setting => ['-c', setting])]
  const child = spawn(...commandAs(account, binaries.postgres, options), {
    ...account.owner,
    env: binaries.env,
    cwd: '/',
    // A process group of its own, so that Ctrl-C does not stop the database before the program has finished.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })

  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    log = (log + text).slice(-4000)
  })
  const exit = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', error => {
      log += error.message
      resolve(error.message)
    })
  })
  const closed = new Promise(resolve => child.once('close', resolve))
  const lastLines = (count: number) => log.trim().split('\n').slice(-count).join('\n')
  let asked = false
  return {
    pid: child.pid,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    lastWords: Promise.all([exit, closed]).then(([how]) => `It ended with ${how}. ${lastLines(5)}`),
    died: exit.then(how =>
      asked ? new Promise<never>(() => {}) : `PostgreSQL ended by itself (${how}). Its log ends: ${lastLines(2)}`,
    ),
    lastLine: () => lastLines(1),
    stop() {
      asked = true
      return shutDown(signal => child.kill(signal), exit)
    },
  }
}

/** Stops a server that its program left behind. */
export async function stopOrphan(dir: string, pid: number): Promise<void> {
  const isThere = () => findPostmaster(dir)?.pid === pid
  const gone = async () => {
    while (isThere()) await sleep(50)
  }
  await shutDown(signal => isThere() && process.kill(pid, signal), gone())
}

/**
 * Ends all sessions and leaves the files clean. A server that takes longer than 10 s quits at once, and recovers at its next start. After
 * 20 s it is killed. SIGCONT wakes a stopped server (SIGSTOP), which would not notice the other signals.
 */
async function shutDown(
  send: (signal: 'SIGINT' | 'SIGCONT' | 'SIGQUIT' | 'SIGKILL') => void,
  gone: Promise<unknown>,
): Promise<void> {
  send('SIGINT')
  send('SIGCONT')
  const patience = [setTimeout(send, 10_000, 'SIGQUIT'), setTimeout(send, 20_000, 'SIGKILL')]
  await gone
  for (const timer of patience) clearTimeout(timer)
}
