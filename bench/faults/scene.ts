import { setTimeout as wait } from 'node:timers/promises'
import type { Chat } from '../judge/chats.js'
import type { Verdict } from '../judge/findings.js'
import type { Fault } from './faults.js'
import type { World } from './world.js'

/** How long recovery may take, in milliseconds, and how long readers may take to get the rest. */
const PATIENCE = 120_000

/** Between the recovery from one fault and the next one, in milliseconds. */
const REST = 300

/** What a fault did. */
export interface Row {
  fault: string
  injected: number
  verdict: Verdict
  /** Milliseconds from the end of each fault until each chat had acknowledged something that was sent afterwards. */
  recoveries: readonly number[]
}

/** Injects the fault so many times, while at least that many messages are posted, that many a second, and judges. */
export async function play(world: World, fault: Fault, times: number, posts: number, perSecond: number): Promise<Row> {
  const { trial } = world
  const isFault = fault.name !== 'nothing'
  const recoveries: number[] = []
  let injected = 0
  trial.findings.troubled = isFault
  const sent = trial.send(perSecond, sent => sent < posts || injected < times)
  await wait(REST)
  while (injected < times) {
    const own = await fault.inject(world)
    recoveries.push(...(own ?? (isFault ? await recovered(world) : [])))
    injected++
    await wait(REST)
  }
  await sent
  await trial.rest()
  const verdict = await trial.judge(PATIENCE)
  await world.program.ready()
  trial.findings.troubled = false
  return { fault: fault.name, injected: isFault ? injected : 0, verdict, recoveries }
}

/** Waits until each chat has acknowledged something that was sent from now on. Resolves with how many milliseconds each took. */
async function recovered({ trial }: World): Promise<number[]> {
  const from = performance.now()
  const times = new Map<Chat, number>()
  trial.onAcknowledged = (chat, sentAt, at) => {
    if (sentAt >= from && !times.has(chat)) {
      times.set(chat, at - from)
    }
  }
  while (times.size < trial.cast.chats.length && performance.now() < from + PATIENCE) {
    await wait(10)
  }
  trial.onAcknowledged = () => {}
  return [...times.values()]
}
