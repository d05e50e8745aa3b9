import type { Worker } from 'node:cluster'

/** A connection as Node's cluster hands it on. `fd` is below 0 once it is closed; Windows has none. */
interface Handle {
  readonly fd?: number
  close(): void
}

/**
 * Closes the connections that a worker was handed and did not take, because it ended or had as many files open as it may. Node's cluster keeps
 * its own copy of each until the worker has answered, so they would stay open with nobody behind them; and a browser's stream and a WebSocket
 * wait for ever. To a worker that has not answered it also hands no more.
 */
export function closeUntaken({ process: worker }: Worker) {
  const handed = new Set<Handle>()
  let last: { seq?: number } = {}
  const send = worker.send.bind(worker) as (...args: unknown[]) => boolean
  const handOn = (message: unknown, handle?: unknown, ...rest: unknown[]) => {
    if (isOpen(handle)) {
      for (const one of handed) {
        if (!isOpen(one)) {
          handed.delete(one)
        }
      }
      handed.add(handle)
      last = message as { seq?: number }
    }
    return send(message, handle, ...rest)
  }
  worker.send = handOn
  worker.on('internalMessage', ({ cmd }: { cmd?: string }) => {
    // The message came, and the connection did not. Node sends no connection of a server a second time.
    if (cmd === 'NODE_HANDLE_NACK') {
      // What the worker would answer: the connection is closed here then, and the next one is handed to it.
      worker.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: last.seq, accepted: true })
    }
  })
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
