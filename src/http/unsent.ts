import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** How long a reader may take in nothing of an answer that is complete, in milliseconds. Slow lines pause for 19 s. */
export const SILENCE = 30_000

/** How many bytes of all complete answers may wait for their readers. */
const AT_MOST = 64 * 1024 * 1024

/**
 * Bounds what readers who do not read cost. Each connection has one answer at a time, also where it sent several requests at once. From the
 * moment at which an answer is complete its reader may pause for `silence` ms; where too much is unsent in all, those who have waited longest
 * are cut. Answers that do not end, as streams, have rules of their own.
 */
export function boundUnsent(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  silence: number,
): RequestListener {
  /** Complete answers that are not sent, in the order in which they were completed, by the bytes that were left of them when last seen. */
  const unsent = new Map<ServerResponse, number>()
  let bytes = 0

  return (request, response) => {
    if (response.socket) {
      void begin(request, response)
    } else {
      // The answer to the request before it has the connection.
      response.once('socket', () => void begin(request, response))
    }
  }

  async function begin(request: IncomingMessage, response: ServerResponse) {
    // That of the answer before it.
    request.socket.setTimeout(0)
    await answer(request, response)
    if (response.writableEnded && !response.writableFinished && !response.destroyed) {
      response.socket?.setTimeout(silence)
      note(response)
      response.once('close', () => forget(response))
      cut()
    }
  }

  function note(response: ServerResponse) {
    forget(response)
    unsent.set(response, response.writableLength)
    bytes += response.writableLength
  }

  function forget(response: ServerResponse) {
    bytes -= unsent.get(response) ?? 0
    unsent.delete(response)
  }

  function cut() {
    for (const response of bytes > AT_MOST ? [...unsent.keys()] : []) {
      note(response)
    }
    for (const response of unsent.keys()) {
      if (bytes <= AT_MOST) {
        return
      }
      forget(response)
      response.socket?.destroy()
    }
  }
}
