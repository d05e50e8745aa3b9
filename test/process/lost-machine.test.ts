import assert from 'node:assert/strict'
import { isClean } from '../../bench/judge/findings.js'
import { openTrial, type Trial } from '../../bench/judge/trial.js'
import { openPool } from '../support/databases.js'
import { FRONTS, type Front } from '../support/fronts.js'
import { type Machines, openMachines } from '../support/machines.js'
import { freePort, skipWithout } from '../support/programs.js'
import { type Running, temporaryFolder, until } from '../support/server.js'

for (const [name, { program, version, open }] of Object.entries(FRONTS)) {
  describe(`a machine behind ${name} that is gone from one moment to the next`, () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>
    let machines: Machines
    let front: Front
    let trial: Trial
    const running: Running[] = []
    let url: string

    before(async function () {
      await skipWithout(program, version).call(this)
      folder = await temporaryFolder(`chatire-lost-${name}-`)
      machines = await openMachines(folder.path)
      if (!machines.hosts) {
        // Networks of its own need root.
        this.skip()
      }
      const port = await freePort()
      url = `http://localhost:${port}`
      running.push(await start(0))
      running.push(await start(1))
      front = await open(folder.path, port, machines.upstreams, false)
    })
    after(async () => {
      await trial?.close()
      await front?.stop()
      for (const { child, ended } of running) {
        child.kill('SIGKILL')
        await ended
      }
      await machines?.close()
      await folder?.remove()
    })

    const start = (place: number) =>
      machines.start(place, {
        PUBLIC_URL: url,
        TRUST_PROXY: '1',
        LOG_LEVEL: 'debug',
        ...(name === 'caddy' ? { DRAIN: '5' } : {}),
      })

    it('takes nothing with it, and the database forgets it @long', async () => {
      const [lost] = machines.hosts as [(typeof machines.hosts & object)[number]]
      trial = await openTrial({ url, address: machines.address, chats: 4, senders: 8, wanderers: 1 })
      trial.findings.troubled = true
      const sent = trial.send(15, sent => sent < 600)
      await until(() => trial.findings.posts > 50)
      await lost.unplug()
      running[0]?.child.kill('SIGKILL')
      await running[0]?.ended
      const gone = performance.now()
      console.log(`      every chat goes on after ${await goesOn(gone)} ms`)
      await until(async () => (await connectionsFrom(lost.address)) === 0)
      console.log(
        `      the database has closed its connections after ${Math.round((performance.now() - gone) / 1000)} s`,
      )
      await lost.plug()
      running[0] = await start(0)
      await until(() => (running[0] as Running).lines.some(line => line.includes('/chats/:uri/messages')))
      await sent
      await trial.rest()
      const verdict = await trial.judge(120_000)
      assert.ok(isClean(verdict), verdict.sentences.join('\n'))
      assert.ok(verdict.posts >= 600)
      console.log(`      nobody waited longer than ${Math.round(Math.max(...verdict.latencies) / 1000)} s`)
    })

    /** Waits until something that was sent after that moment was acknowledged in each chat. Resolves with how long it took, in ms. */
    async function goesOn(from: number): Promise<number> {
      const chats = new Set()
      trial.onAcknowledged = (chat, sentAt) => sentAt > from && chats.add(chat)
      await until(() => chats.size === trial.cast.chats.length)
      return Math.round(performance.now() - from)
    }

    async function connectionsFrom(address: string): Promise<number> {
      const pool = openPool(machines.address)
      const { rows } = await pool.query('select count(*)::int from pg_stat_activity where client_addr = $1', [address])
      await pool.end()
      return rows[0].count
    }
  })
}
