/**
 * The longest time for which the work blocked the event loop of this process, in milliseconds. Time that the machine gave to other
 * processes is not counted.
 */
export async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let going = true
  let [at, used] = [performance.now(), process.cpuUsage()]
  const turn = () => {
    const { user, system } = process.cpuUsage(used)
    longest = Math.max(longest, Math.min(performance.now() - at, (user + system) / 1000))
    at = performance.now()
    used = process.cpuUsage()
    if (going) {
      setImmediate(turn)
    }
  }
  setImmediate(turn)
  try {
    await work()
  } finally {
    going = false
  }
  return longest
}
