import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Site } from './site.js'
import { openSite } from './site.js'

/** What measured.ts asks: to begin to measure, to end it, and how much memory is in use. */
export type Ask = 'begin' | 'end' | 'memory'

export interface Measured {
  /** The longest time that the event loop did nothing else, in milliseconds. */
  held: number
  /** How long it did anything, in milliseconds. */
  busy: number
}

export interface Memory {
  /** What is left on the heap and in buffers once all that nobody needs is gone, in bytes. */
  used: number
  /** The most that the process ever had, in bytes. */
  peak: number
}

const [, , settings = ''] = process.argv
const { env, address } = JSON.parse(settings) as { env: Record<string, string>; address: Site['address'] }
const { url } = await openSite(env, { address } as Site)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
let begun = { loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() }

process.on('message', (ask: Ask) => {
  if (ask === 'begin') {
    delay.reset()
    begun = { loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() }
    process.send?.({})
  } else if (ask === 'end') {
    const { active } = performance.eventLoopUtilization(begun.loop)
    const { user, system } = process.cpuUsage(begun.cpu)
    // What the process did not work, another process did: this one was only kept from going on.
    const worked = (user + system) / 1000
    // A hold is noted once it is over and the loop comes round.
    setTimeout(() => process.send?.({ held: Math.min(delay.max / 1e6, worked), busy: Math.min(active, worked) }), 3)
  } else {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.({ used: heapUsed + external, peak: process.resourceUsage().maxRSS * 1024 })
  }
})
process.on('disconnect', () => process.exit())
process.send?.({ url })
