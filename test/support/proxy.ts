import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'

const REFUSAL = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** For `cut`, `silence` and `refuse`: the streams of pages. */
export const STREAMS = /^\/chats\/[\w-]+\/live/
/** The streams of pages without JavaScript. The frame around them is an answer that ends, and leaves its connection open. */
export const FRAMES = /^\/chats\/[\w-]+\/live\?(.*&)?inside/
export const POLLS = /^\/chats\/[\w-]+\/messages\?after=/

interface Line {
  browser: Socket
  server: Socket
  /** What was asked for last. */
  path: string
}

export interface SiteProxy {
  /** Without a slash at its end. */
  url: string
  /** Leads to another site what has asked for nothing yet; with none it is closed. */
  leadTo(url: string | undefined): void
  /** Answers such requests with 503 from now on, where `when` says so. */
  refuse(paths: RegExp, when?: () => boolean): void
  /** Lets all requests through again. */
  admit(): void
  /**
   * Breaks off the connections whose last request was such a one, in the middle of an answer: as a server that is killed does
   * (`end`), or a network (`reset`). Returns how many there were.
   */
  cut(paths: RegExp, how?: 'end' | 'reset'): number
  /** Keeps them open but passes nothing on any more, as when a network is gone without a word. */
  silence(paths: RegExp): number
  /** How many connections there are whose last request was such a one. */
  open(paths: RegExp): number
  /** The paths that were asked for, in order. */
  asked: string[]
  close(): Promise<void>
}

/** Stands between browsers and a site, passes every byte on as it is, and fails as networks do when it is told to. */
export async function openProxy(site: { url: string }): Promise<SiteProxy> {
  let target: string | undefined = site.url
  let refusals: { paths: RegExp; when: () => boolean }[] = []
  const asked: string[] = []
  const lines = new Set<Line>()
  const linesOf = (paths: RegExp) => [...lines].filter(({ path }) => paths.test(path))

  const listener = createServer(browser => {
    const line = { browser, server: new Socket(), path: '' }
    lines.add(line)
    browser.on('data', chunk => {
      // Not sooner: browsers open connections before they need them.
      if (line.server.pending && !line.server.connecting) {
        if (target === undefined) {
          browser.destroy()
          return
        }
        const { hostname, port } = new URL(target)
        line.server.connect(Number(port), hostname)
      }
      // Browsers do not send a request before the answer to the one before has come, so each begins a chunk of its own.
      const [, path] = /^[A-Z]+ (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1')) ?? []
      if (path !== undefined) {
        line.path = path
        asked.push(path)
        if (refusals.some(({ paths, when }) => paths.test(path) && when())) {
          browser.end(REFUSAL)
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
    refuse(paths, when = () => true) {
      refusals.push({ paths, when })
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
