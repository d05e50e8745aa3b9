import assert from 'node:assert/strict'
import { descendantsOf, signalAll } from '../../bench/faults/processes.js'
import { isClean } from '../../bench/judge/findings.js'
import { openTrial, type Trial } from '../../bench/judge/trial.js'
import { withClient } from '../../src/db/connection.js'
import { type Fleet, isServing, openFleet } from '../support/fleet.js'
import type { Host } from '../support/network.js'
import { type Running, until } from '../support/server.js'

for (const name of ['nginx', 'caddy'] as const) {
  describe(`a machine behind ${name} that is gone from one moment to the next`, () => {
    let fleet: Fleet | undefined
    let trial: Trial | undefined
    after(async () => {
      await trial?.close()
      await fleet?.close()
    })

    it('takes nothing with it, and the database forgets it @long', async function () {
      fleet = await openFleet.call(this, name)
      const { url, machines, running } = fleet
      const [lost] = (machines.hosts ?? []) as Host[]
      if (!lost) {
        console.log('      Left out: only root can make networks, on Linux')
        this.skip()
      }
      trial = await openTrial({ url, address: machines.address, chats: 4, senders: 8, wanderers: 1 })
      const { findings } = trial
      findings.troubled = true
      const sent = trial.send(15, sent => sent < 600)
      await until(() => findings.posts > 50)
      await lost.unplug()
      const { child, ended } = running[0] as Running
      signalAll([child.pid ?? 0, ...descendantsOf(child.pid ?? 0)], 'SIGKILL')
      await ended
      const gone = performance.now()
      const since = () => Math.round(performance.now() - gone)
      await goesOn(trial, gone)
      console.log(`      every chat goes on after ${since()} ms`)
      await until(async () => (await connectionsFrom(machines.address, lost)) === 0)
      console.log(`      the database has closed its connections after ${since()} ms`)
      await lost.plug()
      await fleet.restart(0)
      await until(() => isServing(running[0] as Running))
      await sent
      await trial.rest()
      const verdict = await trial.judge(120_000)
      assert.ok(isClean(verdict), verdict.sentences.join('\n'))
      assert.ok(verdict.posts >= 600)
      console.log(`      nobody waited longer than ${Math.round(Math.max(...verdict.latencies))} ms`)
    })
  })
}

/** Waits until something that was sent after that moment was acknowledged in each chat. */
async function goesOn(trial: Trial, from: number) {
  const chats = new Set()
  trial.onAcknowledged = (chat, sentAt) => sentAt > from && chats.add(chat)
  await until(() => chats.size === trial.cast.chats.length)
}

async function connectionsFrom(database: Fleet['machines']['address'], { address }: Host): Promise<number> {
  return withClient(database, async client => {
    const { rows } = await client.query('select count(*)::int from pg_stat_activity where client_addr = $1', [address])
    return rows[0].count
  })
}
