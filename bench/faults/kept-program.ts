import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { descendantsOf } from './processes.js'

/** The program, started again each time it ends by itself, as systemd does. */
export interface KeptProgram {
  readonly port: number
  /** Of the main process. */
  readonly pid: number
  /** Of those that serve. */
  workers(): number[]
  /** Resolves once it says that it is ready. Rejects after a minute. */
  ready(): Promise<void>
  /** Tells it to stop, and waits for its end. It is not started again. Resolves with how it ended. */
  stop(): Promise<string>
}

export interface Programme {
  /** The folder of the built program. */
  root: string
  port: number
  database: string
  /** The file for what it prints. */
  log: string
  workers: number
  /** Further environment. */
  env?: Record<string, string>
}

export function keepProgram({ root, port, database, log, workers, env = {} }: Programme): KeptProgram {
  let stopping = false
  let child = start()
  const kept = (async () => {
    for (;;) {
      const [code, signal] = await once(child, 'exit')
      if (stopping) {
        return String(signal ?? code)
      }
      await wait(100)
      child = start()
    }
  })()
  return {
    port,
    get pid() {
      return child.pid ?? 0
    },
    workers: () => (workers > 1 ? descendantsOf(child.pid ?? 0) : [child.pid ?? 0]),
    async ready() {
      for (const deadline = performance.now() + 60_000; performance.now() < deadline; await wait(50)) {
        const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined)
        if (answer?.status === 200) {
          return
        }
      }
      throw new Error(`The program at port ${port} is not ready after a minute; see ${log}`)
    },
    async stop() {
      stopping = true
      child.kill('SIGTERM')
      const deadline = setTimeout(() => child.kill('SIGKILL'), 30_000)
      const how = await kept
      clearTimeout(deadline)
      return how
    },
  }

  function start(): ChildProcess {
    const output = openSync(log, 'a')
    return spawn(process.execPath, ['bin/serve.js'], {
      cwd: root,
      env: {
        ...process.env,
        DATABASE_URL: database,
        HOST: '127.0.0.1',
        PORT: String(port),
        LIMITS: 'off',
        LOG_LEVEL: 'warn',
        WEB_CONCURRENCY: String(workers),
        ...env,
      },
      stdio: ['ignore', output, output],
    })
  }
}
