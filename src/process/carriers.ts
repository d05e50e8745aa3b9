import type { Logger } from 'pino'
import type { Config } from '../config.js'
import type { Address } from '../db/connection.js'
import { brokerOutage } from '../http/outages.js'
import { sealed } from '../keys.js'
import type { Carrier, Hearer } from '../live/bus.js'
import { PostgresCarrier } from '../live/postgres-carrier.js'

interface Carriers {
  /** Undefined with BUS=off. */
  open: ((hearer: Hearer) => Carrier) | undefined
  /** To be called when the carrier is closed. */
  close(): void
}

/**
 * What brings hints from process to process, as BUS says. Several sites can share a broker: `secret` keeps them apart. `failed` is told of failures
 * of the database.
 */
export async function carriers(
  { bus }: Config,
  address: Address,
  secret: Buffer,
  log: Logger,
  failed: (sentence: string, error: unknown) => void,
): Promise<Carriers> {
  if (bus === 'off' || bus === 'postgres') {
    const open = (hearer: Hearer) =>
      new PostgresCarrier(address, hearer, error => failed('The bus is interrupted', error))
    return { open: bus === 'off' ? undefined : open, close() {} }
  }
  // Loaded only where it is used.
  const { RabbitMqCarrier } = await import('../live/rabbitmq-carrier.js')
  let carrier: Carrier | undefined
  const outage = brokerOutage(log, async () => {
    if (!carrier?.isUp) {
      throw new Error('It is not connected')
    }
  })
  return {
    open(hearer) {
      carrier = new RabbitMqCarrier(bus, exchangeOf(secret), hearer, error => outage.failed(error))
      return carrier
    },
    close: () => outage.close(),
  }
}

/** A name that all processes of a site know, and that tells nothing of its secret. */
function exchangeOf(secret: Buffer): string {
  return `chatire-${sealed(secret, 'exchange', '').slice(0, 16)}`
}
