import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.js'
import type { Carrier, Hearer } from '../live/bus.js'
import { bad, type Finding, ok, PATIENCE, warn } from './findings.js'

/** An exchange of its own: the rights for it are those for the program's, and it is gone with the last connection. */
const EXCHANGE = 'chatire-doctor'

/** What carries the hints between processes, and whether it does. */
export async function aboutBus({ bus, workers }: Config): Promise<Finding> {
  const what = 'bus'
  if (bus === 'postgres') {
    return ok(what, 'PostgreSQL carries the hints between processes.')
  }
  if (bus === 'off') {
    return workers > 1
      ? warn(what, 'BUS=off: what others post comes up to a second later.', 'Take BUS out of the settings.')
      : ok(what, 'BUS=off: there are no hints between processes, and WEB_CONCURRENCY is 1.')
  }
  const tried = await tryBroker(bus)
  return typeof tried === 'number'
    ? ok(what, `RabbitMQ at ${bus.host} carries the hints between processes. One took ${Math.round(tried)} ms.`)
    : bad(
        what,
        `RabbitMQ at ${bus.host} carries no hints: ${tried}.`,
        'Look at the URL of BUS, the rights of its user (docs/running.md) and the broker.',
      )
}

/** Sends a text from one connection to another. Resolves to how long it took, in milliseconds, or to why it did not come. */
async function tryBroker(url: URL): Promise<number | string> {
  const { RabbitMqCarrier } = await import('../live/rabbitmq-carrier.js')
  const carriers: Carrier[] = []
  const result = new Promise<number | string>(resolve => {
    let sentAt = 0
    const open = (hear: Hearer['hear']) => {
      const hearer = { hear, missed() {} }
      carriers.push(new RabbitMqCarrier(url, EXCHANGE, hearer, ({ message }) => resolve(message.replace(/\.$/, ''))))
    }
    open(() => {})
    open(() => resolve(performance.now() - sentAt))
    const timer = setInterval(() => {
      if (carriers.every(({ isUp }) => isUp)) {
        clearInterval(timer)
        sentAt = performance.now()
        carriers[0]?.send('doctor').catch(({ message }) => resolve(message))
      }
    }, 20)
    void wait(PATIENCE).then(() => {
      clearInterval(timer)
      resolve('no text came in 5 s')
    })
  })
  try {
    return await result
  } finally {
    await Promise.all(carriers.map(carrier => carrier.close()))
  }
}
