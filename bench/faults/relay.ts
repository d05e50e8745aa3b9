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
  cutNext(count: number, within: 'both' | 'answers'): void
  /** How many of these are still to be cut. */
  readonly left: number
  /** Carries nothing more of the connections that there are, either way, and leaves them open. */
  fallSilent(): void
  close(): Promise<void>
}

/** What the thread is told; it says `open` once, and a number each time that it has cut a connection: how many. */
export type Order = { leadTo: NetConnectOpts } | { cutNext: number; within: 'both' | 'answers' } | 'fall silent'

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
    cutNext(count, within) {
      left += count
      order({ cutNext: count, within })
    },
    get left() {
      return left
    },
    fallSilent: () => order('fall silent'),
    async close() {
      await thread.terminate()
    },
  }
}
