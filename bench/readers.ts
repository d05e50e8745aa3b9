import { connect, type Socket } from 'node:net'

/** Occurs once in each event, and nowhere else in a stream. */
export const MARK = '~'

/** Many open streams, and what each has received. */
export interface Readers {
  /** Resolves when every reader has received `events` events since the streams were opened. */
  received(events: number): Promise<void>
  /** How many events one read of a stream has brought since the last time. */
  eventsPerRead(): number
  close(): void
}

/**
 * Opens so many streams, a hundred at a time, and counts the marks in them. It uses sockets directly, with one buffer for all, because
 * the load shares the machine with the program that it measures.
 */
export async function openReaders(
  port: number,
  count: number,
  path: string,
  headers: Record<string, string>,
): Promise<Readers> {
  const lines = Object.entries({ Host: 'localhost', Accept: 'text/event-stream', ...headers })
  const request = `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  const sockets: Socket[] = []
  const counts = new Uint32Array(count)
  /** How many readers have received at least that many events. */
  const reached: number[] = []
  const waiting = new Map<number, (() => void)[]>()
  let [reads, events] = [0, 0]
  const shared = Buffer.allocUnsafe(256 * 1024)

  for (let begun = 0; begun < count; begun += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - begun) }, (_, n) => open(begun + n)))
  }

  return {
    received(number) {
      if (number <= 0 || reached[number] === count) {
        return Promise.resolve()
      }
      return new Promise(resolve => waiting.set(number, [...(waiting.get(number) ?? []), resolve]))
    },
    eventsPerRead() {
      const each = events / Math.max(1, reads)
      reads = 0
      events = 0
      return each
    },
    close() {
      for (const socket of sockets) {
        socket.destroy()
      }
    },
  }

  /** Resolves with the headers. */
  function open(place: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = (length: number) => {
        resolve()
        tally(place, shared.subarray(0, length))
        return true
      }
      const socket = connect({ port, host: '127.0.0.1', onread: { buffer: shared, callback: take } })
      socket.on('error', reject)
      socket.on('connect', () => socket.write(request))
      sockets.push(socket)
    })
  }

  function tally(place: number, data: Buffer) {
    let number = counts[place] ?? 0
    const before = number
    for (let at = data.indexOf(MARK); at >= 0; at = data.indexOf(MARK, at + 1)) {
      number++
      reached[number] = (reached[number] ?? 0) + 1
      if (reached[number] === count) {
        for (const resolve of waiting.get(number) ?? []) {
          resolve()
        }
        waiting.delete(number)
      }
    }
    counts[place] = number
    if (number > before) {
      reads++
      events += number - before
    }
  }
}
