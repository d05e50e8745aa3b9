import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'

const refusal = (headers: string) =>
  `HTTP/1.1 503 Service Unavailable\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`

/** For `cut`, `silence` and `refuse`: the streams of pages. */
export const STREAMS = /^\/chats\/[\w-]+\/live/
/** The streams of pages without JavaScript. The frame around such a stream is an answer that ends, and its connection stays open. */
export const FRAMES = /^\/chats\/[\w-]+\/live\?(.*&)?inside/
export const POLLS = /^\/chats\/[\w-]+\/messages\?after=/

interface Line {
  browser: Socket
  server: Socket
  /** The path of the last request. */
  path: string
}

export interface SiteProxy {
  /** Without a slash at the end. */
  url: string
  /** Connects new connections, and those without a request yet, to another site. If `url` is undefined, they are closed. */
  leadTo(url: string | undefined): void
  /** Answers requests for such paths with 503 from now on, if `when` returns true. A line of `headers` ends with CR and LF. */
  refuse(paths: RegExp, when?: () => boolean, headers?: string): void
  /** Lets all requests through again. */
  admit(): void
  /**
   * Cuts the connections whose last request was for such a path, in the middle of an answer: like a killed server
   * (`end`) or a broken network (`reset`). Returns how many it cut.
   */
  cut(paths: RegExp, how?: 'end' | 'reset'): number
  /** Keeps them open but passes nothing on, like a network that is gone without a sign. Returns how many there are. */
  silence(paths: RegExp): number
  /** How many connections there are whose last request was for such a path. */
  open(paths: RegExp): number
  /** The paths of all requests, in order. */
  asked: string[]
  close(): Promise<void>
}

/** A proxy between browsers and a site. It passes every byte on unchanged, and fails like a network when a test says so. */
export async function openProxy(site: { url: string }): Promise<SiteProxy> {
  let target: string | undefined = site.url
  let refusals: { paths: RegExp; when: () => boolean; headers: string }[] = []
  const asked: string[] = []
  const lines = new Set<Line>()
  const linesOf = (paths: RegExp) => [...lines].filter(({ path }) => paths.test(path))

  const listener = createServer(browser => {
    const line = { browser, server: new Socket(), path: '' }
    lines.add(line)
    browser.on('data', chunk => {
      // Not earlier: browsers open connections before they need them.
      if (line.server.pending && !line.server.connecting) {
        if (target === undefined) {
          browser.destroy()
          return
        }
        const { hostname, port } = new URL(target)
        line.server.connect(Number(port), hostname)
      }
      // Browsers send a request only after the answer to the last one, so each request begins a chunk of its own.
      const [, path] = /^[A-Z]+ (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1')) ?? []
      if (path !== undefined) {
        line.path = path
        asked.push(path)
        const refused = refusals.find(({ paths, when }) => paths.test(path) && when())
        if (refused) {
          browser.end(refusal(refused.headers))
          line.server.destroy()
          return
        }
      }
      line.server.write(chunk)
    })
    line.server.on('data', chunk => browser.write(chunk))
    line.server.on('end', () => browser.end())
    for (const socket of [browser, line.server]) {
      socket.setNoDelay()
      socket.on('error', () => {})
      socket.on('close', () => {
        lines.delete(line)
        browser.destroySoon()
        line.server.destroy()
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    leadTo(url) {
      target = url
    },
    refuse(paths, when = () => true, headers = '') {
      refusals.push({ paths, when, headers })
    },
    admit() {
      refusals = []
    },
    cut(paths, how = 'reset') {
      const found = linesOf(paths)
      for (const { browser, server } of found) {
        if (how === 'reset') {
          browser.resetAndDestroy()
        } else {
          browser.destroy()
        }
        server.destroy()
      }
      return found.length
    },
    silence(paths) {
      const found = linesOf(paths)
      for (const { server } of found) {
        server.removeAllListeners('data')
        server.resume()
      }
      return found.length
    },
    open: paths => linesOf(paths).length,
    asked,
    async close() {
      listener.close()
      for (const { browser, server } of lines) {
        browser.destroy()
        server.destroy()
      }
      await once(listener, 'close')
    },
  }
}
