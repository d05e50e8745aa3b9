import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Ask, Measured, Memory } from './measured-site.js'
import type { Site } from './site.js'

export interface MeasuredSite {
  url: string
  /** What requests cost the process that answers them. */
  measure(work: () => Promise<unknown>): Promise<Measured>
  memory(): Promise<Memory>
  close(): Promise<void>
}

/** One more process of a site, which can be measured and has little memory. */
export async function openMeasured(env: Record<string, string>, { address }: Site): Promise<MeasuredSite> {
  const program = fileURLToPath(new URL('measured-site.js', import.meta.url))
  const child = fork(program, [JSON.stringify({ env, address })], { execArgv: ['--max-old-space-size=256'] })
  const ended = once(child, 'exit')
  const heard = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended.then(() => [])])
    if (message === undefined) {
      throw new Error('The process that was measured has ended')
    }
    return message
  }
  const ask = (what: Ask) => {
    const answer = heard()
    child.send(what)
    return answer
  }
  const { url } = (await heard()) as { url: string }
  return {
    url,
    async measure(work) {
      await ask('begin')
      await work()
      return (await ask('end')) as Measured
    },
    memory: async () => (await ask('memory')) as Memory,
    async close() {
      if (child.connected) {
        child.disconnect()
      }
      await ended
    },
  }
}
