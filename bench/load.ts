import { connect } from 'node:net'

export interface Load {
  /** Answers with a 2xx status in each second. */
  perSecond: number[]
  /** All other answers. */
  refused: number
  /** How long each answer took, in milliseconds. */
  latencies: number[]
}

/**
 * Sends requests for so many seconds. Each sender has a connection of its own and sends one request after another. It uses sockets directly,
 * because the load shares the machine with the program that it measures. `next` returns a sender's next request with its headers.
 */
export async function load(
  port: number,
  senders: number,
  seconds: number,
  next: (sender: number) => string,
): Promise<Load> {
  const perSecond = Array<number>(seconds).fill(0)
  const latencies: number[] = []
  let refused = 0
  const begun = performance.now()
  await Promise.all(
    Array.from(
      { length: senders },
      (_, sender) =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1')
          let received = ''
          let sentAt = 0
          const send = () => {
            sentAt = performance.now()
            socket.write(next(sender))
          }
          /** Answers without a body all have the same length. There are so many that reading each would slow the load down, not the server. */
          let bare = 0
          socket.setNoDelay(true)
          socket.on('error', reject)
          socket.on('connect', send)
          socket.on('data', chunk => {
            let length = received === '' && chunk.length === bare ? bare : undefined
            const isGood = length !== undefined && chunk[9] === 0x32
            if (!isGood) {
              received += chunk.toString('latin1')
              length = answerLength(received)
              if (length === undefined || received.length < length) {
                return
              }
              bare = received.endsWith('\r\n\r\n') ? length : 0
            }
            const now = performance.now()
            const second = Math.floor((now - begun) / 1000)
            latencies.push(now - sentAt)
            if (isGood || received.startsWith('HTTP/1.1 2')) {
              perSecond[second] = (perSecond[second] ?? 0) + 1
            } else {
              refused++
            }
            received = received.slice(length)
            if (second >= seconds) {
              socket.end()
              resolve()
            } else {
              send()
            }
          })
        }),
    ),
  )
  return { perSecond: perSecond.slice(0, seconds), refused, latencies }
}

/** The length of the first answer in `text`, when its headers have come. */
function answerLength(received: string): number | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) {
    return undefined
  }
  const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end)) ?? []
  return end + 4 + Number(length)
}

export function postRequest(path: string, headers: Record<string, string>, body: string): string {
  const lines = Object.entries({ Host: 'localhost', ...headers, 'Content-Length': String(Buffer.byteLength(body)) })
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

export function getRequest(at: string, headers: Record<string, string>): string {
  const lines = Object.entries({ Host: 'localhost', ...headers })
  return `GET ${at} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
