import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { watchHolds } from './hold.js'
import type { Site } from './site.js'
import { openSite } from './site.js'

/** Requests of measured.ts: to begin measuring, to end it, and how much memory is used. */
export type Ask = 'begin' | 'end' | 'memory'

export interface Measured {
  /** The longest time for which the event loop was blocked, in milliseconds. */
  held: number
  /** How long the event loop was busy, in milliseconds. */
  busy: number
}

export interface Memory {
  /** The heap and the buffers after garbage collection, in bytes. */
  used: number
  /** The largest memory that the process ever had, in bytes. */
  peak: number
}

const [, , settings = ''] = process.argv
const { env, address } = JSON.parse(settings) as { env: Record<string, string>; address: Site['address'] }
const { url } = await openSite(env, { address } as Site)
const holds = watchHolds()
setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
let begun = { loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() }

process.on('message', (ask: Ask) => {
  if (ask === 'begin') {
    holds.begin()
    begun = { loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() }
    process.send?.({})
  } else if (ask === 'end') {
    const { active } = performance.eventLoopUtilization(begun.loop)
    const { user, system } = process.cpuUsage(begun.cpu)
    // Time without processor time is not work of this process: other processes ran then.
    const worked = (user + system) / 1000
    process.send?.({ held: holds.longest(), busy: Math.min(active, worked) })
  } else {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.({ used: heapUsed + external, peak: process.resourceUsage().maxRSS * 1024 })
  }
})
process.on('disconnect', () => process.exit())
process.send?.({ url })
