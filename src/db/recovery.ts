import { setTimeout as wait } from 'node:timers/promises'
import { type Address, withClient } from './connection.js'

/** Waits until the server has read the log that it recovers from. */
export function recovered(address: Address): Promise<void> {
  return withClient(address, async client => {
    while ((await client.query('select pg_is_in_recovery() as still')).rows[0].still) {
      await wait(50)
    }
  })
}
