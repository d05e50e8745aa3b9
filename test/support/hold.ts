/**
 * Watches for how long the event loop of this process is blocked, by a look every millisecond. Time that the machine gave to other
 * processes is not counted: a block is as long as the processor time that was used in it.
 */
export function watchHolds() {
  let longest = 0
  let [at, used] = [performance.now(), process.cpuUsage()]
  const look = () => {
    const { user, system } = process.cpuUsage(used)
    longest = Math.max(longest, Math.min(performance.now() - at, (user + system) / 1000))
    at = performance.now()
    used = process.cpuUsage()
  }
  const timer = setInterval(look, 1)
  return {
    begin() {
      look()
      longest = 0
    },
    /** The longest block since `begin`, in milliseconds, with what blocks now. */
    longest() {
      look()
      return longest
    },
    end: () => clearInterval(timer),
  }
}

/** The longest time for which the work blocked the event loop of this process, in milliseconds. */
export async function longestHold(work: () => Promise<unknown>): Promise<number> {
  const holds = watchHolds()
  try {
    await work()
    return holds.longest()
  } finally {
    holds.end()
  }
}
