import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** How a proxy spoils what it passes on. `asked` is the method and the path of the request. */
export interface Mutation {
  /** The blocks to write instead of one block of a stream of events. */
  block?(block: string, asked: string): readonly string[]
  /** By how many milliseconds a stream is held up. */
  delay?(asked: string): number
  /** May answer instead of the site, which has answered with that body. Returns whether it did. */
  answer?(response: ServerResponse, body: string, asked: string): boolean
}

/** A proxy between the judge and a site. */
export interface Mutant {
  /** Without a slash at the end. */
  url: string
  /** How it spoils what passes from now on, streams that are open included. */
  mutation: Mutation
  close(): void
}

export async function openMutant(site: { url: string }): Promise<Mutant> {
  const port = Number(new URL(site.url).port)
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    const { method = '', url = '' } = incoming
    // It reads what it passes on.
    const headers = { ...incoming.headers, 'accept-encoding': 'identity' }
    const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers }, answer =>
      pass(answer, response, `${method} ${url}`),
    )
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  // WebSockets pass as they are.
  server.on('upgrade', ({ method, url, rawHeaders }: IncomingMessage, near: Socket) => {
    const far = connect(port, '127.0.0.1')
    const lines = rawHeaders.map((text, n) => (n % 2 === 0 ? `${text}: ` : `${text}\r\n`))
    far.write(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`)
    near.pipe(far)
    far.pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const mutant: Mutant = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mutation: {},
    close() {
      server.close()
      for (const socket of sockets) {
        socket.destroy()
      }
    },
  }
  return mutant

  async function pass(answer: IncomingMessage, response: ServerResponse, asked: string) {
    const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers
    const isStream = headers['content-length'] === undefined && answer.statusCode === 200
    answer.setEncoding('utf8')
    answer.on('error', () => response.destroy())
    if (isStream) {
      response.writeHead(200, headers)
      response.flushHeaders()
      passBlocks(answer, response, asked, headers['content-type']?.startsWith('text/event-stream') === true)
      return
    }
    let body = ''
    answer.on('data', text => {
      body += text
    })
    await once(answer, 'end').catch(() => response.destroy())
    if (!mutant.mutation.answer?.(response, body, asked)) {
      response.writeHead(answer.statusCode ?? 0, headers).end(body)
    }
  }

  function passBlocks(answer: IncomingMessage, response: ServerResponse, asked: string, isEvents: boolean) {
    let rest = ''
    const write = (text: string) => {
      const delay = mutant.mutation.delay?.(asked) ?? 0
      if (delay > 0) {
        setTimeout(() => response.write(text), delay)
      } else {
        response.write(text)
      }
    }
    answer.on('data', (text: string) => {
      if (!isEvents) {
        write(text)
        return
      }
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const isOfChat = /^id: .*\n(event: (?!ready)|data: .)/.test(block)
        const written = (isOfChat && mutant.mutation.block?.(block, asked)) || [block]
        for (const one of written) {
          write(`${one}\n\n`)
        }
      }
    })
    answer.on('end', () => response.end())
  }
}
