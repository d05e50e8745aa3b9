import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** How long a reader may pause in a complete answer, in milliseconds. Slow connections were seen to pause for 19 s. */
export const SILENCE = 30_000

/** How many bytes of complete answers may be unsent in all. */
const AT_MOST = 64 * 1024 * 1024

/**
 * Limits the memory that readers take who do not read their answers. Each connection has one answer at a time, even where it sent several
 * requests at once. Once an answer is complete, its reader may pause for `silence` ms. Where too much is unsent in all, the connections whose
 * answers are oldest are cut. Streams have limits of their own.
 */
export function boundUnsent(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  silence: number,
): RequestListener {
  /** Complete answers that are not sent yet, the oldest first, with the bytes that were left when we last looked. */
  const unsent = new Map<ServerResponse, number>()
  let bytes = 0

  return (request, response) => {
    if (response.socket) {
      void begin(request, response)
    } else {
      // The connection still sends the answer to an earlier request.
      response.once('socket', () => void begin(request, response))
    }
  }

  async function begin(request: IncomingMessage, response: ServerResponse) {
    // The earlier answer may have set one.
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
