import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Address } from '../db/connection.js'
import { OperatorError } from '../operator-error.js'
import { type Starting, waiting } from '../waiting.js'
import { closeUntaken } from './untaken.js'

/** The environment variable that tells a worker where the database is. */
export const ADDRESS = 'CHATIRE_DATABASE'

/** The first message of a worker to the main process: where it listens, or why it cannot. */
export type Report = Ports | { failure: string }

interface Ports {
  port: number
  tutorialPort?: number | undefined
}

/** How long to wait before a worker that died is replaced, in milliseconds. */
const PAUSE = 1000

/** How long a worker may take to stop after DRAIN, in milliseconds. It allows less to the requests that it finishes. */
const PATIENCE = 13_000

interface Workers extends Ports {
  stop(): Promise<void>
}

/**
 * Starts WEB_CONCURRENCY processes that share one port (Node's cluster), and replaces those that die. Throws an OperatorError with the reason of
 * the first one that cannot start.
 */
export async function startWorkers(
  { workers: count, drain }: Pick<Config, 'workers' | 'drain'>,
  address: Address,
  log: Logger,
  starting: Starting,
): Promise<Workers> {
  const exec = fileURLToPath(new URL('./worker.js', import.meta.url))
  cluster.setupPrimary({ exec, args: [], execArgv: [...process.execArgv, '--enable-source-maps'] })
  const running = new Set<Worker>()
  let stopping = false

  try {
    const all = Promise.all(Array.from({ length: count }, () => start()))
    const ports = await waiting(all, () => `Still starting the ${count} processes of WEB_CONCURRENCY`, starting)
    return { port: 0, ...ports[0], stop }
  } catch (error) {
    await stop()
    throw error
  }

  async function start(): Promise<Ports> {
    const worker = cluster.fork({ [ADDRESS]: JSON.stringify(address) })
    running.add(worker)
    closeUntaken(worker)
    const ended = once(worker, 'exit').then(([code, signal]) => {
      running.delete(worker)
      return String(signal ?? code)
    })
    const report = new Promise<Report>(resolve => {
      // Answers to who asks for metrics come the same way.
      worker.on('message', message => ('port' in message || 'failure' in message) && resolve(message))
    })
    const first = await Promise.race([report, ended.then(how => ({ failure: `A worker ended with ${how}` }))])
    if ('failure' in first) {
      throw new OperatorError(first.failure)
    }
    void ended.then(replace)
    return first
  }

  async function replace(how: string) {
    while (!stopping) {
      log.error(`A worker ended with ${how}. Starting another`)
      await wait(PAUSE)
      try {
        if (!stopping) {
          await start()
        }
        return
      } catch (error) {
        log.error({ err: error }, 'A worker cannot start')
      }
    }
  }

  async function stop() {
    stopping = true
    await Promise.all(
      [...running].map(async worker => {
        const ended = once(worker, 'exit')
        worker.process.kill('SIGTERM')
        const deadline = setTimeout(() => worker.process.kill('SIGKILL'), PATIENCE + drain * 1000)
        await ended
        clearTimeout(deadline)
      }),
    )
  }
}
