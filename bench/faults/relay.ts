import { once } from 'node:events'
import type { ListenOptions, NetConnectOpts } from 'node:net'
import { Worker } from 'node:worker_threads'

/** The way from senders and readers to the program, or from the program to its database. */
export interface Relay {
  /** Where new connections lead from now on. */
  leadTo(target: NetConnectOpts): void
  /**
   * Cuts the next connections that carry something, so many of them: each after a random part of a request, or of an answer. A request that has
   * passed as a whole is done, and nobody is told so.
   */
  cutNext(count: number): void
  /** How many of these are still to be cut. */
  readonly left: number
  close(): Promise<void>
}

/** What the thread is told; it says `open` once, and a number each time that it has cut a connection: how many. */
export type Order = { leadTo: NetConnectOpts } | { cutNext: number }

/** A relay in a thread of its own: what it carries would take more of the judge's time than all judging. */
export async function openRelay(at: ListenOptions, target: NetConnectOpts): Promise<Relay> {
  const thread = new Worker(new URL('./relay-thread.js', import.meta.url), { workerData: { at, target } })
  await once(thread, 'message')
  let left = 0
  thread.on('message', (cut: number) => {
    left -= cut
  })
  const order = (order: Order) => thread.postMessage(order)
  return {
    leadTo: target => order({ leadTo: target }),
    cutNext(count) {
      left += count
      order({ cutNext: count })
    },
    get left() {
      return left
    },
    async close() {
      await thread.terminate()
    },
  }
}
