import { connect } from 'node:net'

/** Sends one request after another on one connection. */
interface Sender {
  /** Resolves when it is answered. Throws for a status other than 2xx. */
  send(request: string): Promise<void>
  close(): void
}

export function openSender(port: number): Promise<Sender> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answered: { resolve: () => void; reject: (error: Error) => void } | undefined
    let received = ''
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end)) ?? []
      if (end < 0 || received.length < end + 4 + Number(length)) {
        return
      }
      const isGood = received.startsWith('HTTP/1.1 2')
      const answer = received
      received = ''
      if (isGood) {
        answered?.resolve()
      } else {
        answered?.reject(new Error(answer))
      }
    })
    socket.on('connect', () =>
      resolve({
        send: request =>
          new Promise((resolve, reject) => {
            answered = { resolve, reject }
            socket.write(request)
          }),
        close: () => socket.destroy(),
      }),
    )
  })
}
