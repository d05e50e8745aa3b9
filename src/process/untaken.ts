import type { Worker } from 'node:cluster'

/** A connection as Node's cluster hands it on. `fd` is below 0 once it is closed; Windows has none. */
interface Handle {
  readonly fd?: number
  close(): void
}

/**
 * Closes the connections that a worker was handed and had not taken when it ended. Node's cluster keeps its own copy of each until the worker has
 * answered, so they would stay open with nobody behind them; and a browser's stream and a WebSocket wait for ever.
 */
export function closeUntaken({ process: worker }: Worker) {
  const handed = new Set<Handle>()
  const send = worker.send.bind(worker) as (...args: unknown[]) => boolean
  const handOn = (message: unknown, handle?: unknown, ...rest: unknown[]) => {
    if (isOpen(handle)) {
      for (const one of handed) {
        if (!isOpen(one)) {
          handed.delete(one)
        }
      }
      handed.add(handle)
    }
    return send(message, handle, ...rest)
  }
  worker.send = handOn
  worker.once('exit', () => {
    for (const handle of handed) {
      handle.close()
    }
  })
}

function isOpen(handle: unknown): handle is Handle {
  const { fd = -1, close } = (handle ?? {}) as Partial<Handle>
  return fd >= 0 && typeof close === 'function'
}
