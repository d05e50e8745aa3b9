import { setImmediate } from 'node:timers/promises'

/**
 * How often the event loop comes round before a call begins, so that what arrives meanwhile comes along. When nothing else is to
 * be done that takes some hundredths of a millisecond; under load, when each turn brings in what has arrived, calls
 * carry twice as much. Measured with 16 senders: 4,600 posts/s without, 6,200 with 3 turns, 6,500 with 6.
 */
const TURNS = 6

/**
 * Shares calls: while one call is under way, the items that arrive are gathered and go together in the next, at most
 * `perCall` of them. No timer, so nothing waits while it is idle. `call` gives a result for each item, in their order; where it
 * throws, all items of that call fail.
 */
export function gather<Item, Result>(
  call: (items: Item[]) => Promise<readonly Result[]>,
  perCall: number,
): (item: Item) => Promise<Result> {
  const waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = []
  let calling = false

  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (!calling) {
        void drain()
      }
    })

  async function drain() {
    calling = true
    while (waiting.length > 0) {
      for (let turn = 0; turn < TURNS; turn++) {
        await setImmediate()
      }
      const batch = waiting.splice(0, perCall)
      try {
        const results = await call(batch.map(({ item }) => item))
        for (const [place, { resolve }] of batch.entries()) {
          resolve(results[place] as Result)
        }
      } catch (error) {
        for (const { reject } of batch) {
          reject(error)
        }
      }
    }
    calling = false
  }
}
