import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { type Address, connect } from '../../src/db/connection.js'
import { audit, isCurrent } from './audit.js'
import { type Cast, openCast } from './cast.js'
import { type Chat, lastShown, versionOf } from './chats.js'
import { Findings, type Verdict } from './findings.js'
import { requireLoopback } from './loopback.js'
import { FramedPage } from './page-readers.js'
import { readersOf } from './readership.js'
import { type Desk, Sender } from './sender.js'
import type { Sight } from './sight.js'

/** Between two departures of the same member, in milliseconds. */
const STAY = 300

export interface TrialOptions {
  /** The site, without a slash at the end. */
  url: string
  /** Its database, by a way of its own. */
  address: Address
  chats: number
  senders: number
  /** Members who leave again and again. */
  wanderers: number
  /** Of an earlier version: only its API knows its tables. */
  isEarlier?: boolean
}

/** One trial of a site: senders, readers of every kind, and the judge of what they send and get. */
export interface Trial {
  readonly cast: Cast
  readonly findings: Findings
  readonly pool: pg.Pool
  /** Told of each acknowledgement. */
  onAcknowledged: Desk['onAcknowledged']
  /**
   * Posts so many messages a second, each at its time whether earlier ones are answered or not, for as long as `more` says so of how many were sent.
   * Resolves when all are on their way.
   */
  send(perSecond: number, more: (sent: number) => boolean): Promise<void>
  /** Waits until no outcome is unknown. Nobody sends any more then. */
  rest(): Promise<void>
  /**
   * After `rest`: waits until every reader has everything, for so many milliseconds at most, and holds what was sent and what was read against
   * the database.
   */
  judge(patience: number): Promise<Verdict>
  close(): Promise<void>
}

export async function openTrial({ url, address, isEarlier, ...counts }: TrialOptions): Promise<Trial> {
  requireLoopback(url, address)
  const { db, pool } = connect(address, () => {}, 4)
  const findings = new Findings()
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const cast = await openCast(isEarlier ? { url } : { url, db }, pool, counts)
  const { chats } = cast
  const desk: Desk = {
    url,
    agent,
    findings,
    onAcknowledged: (chat, sentAt, at) => trial.onAcknowledged(chat, sentAt, at),
  }
  const [senders, wanderers] = [cast.senders, cast.wanderers].map(members =>
    members.map(({ id, program }, n) => new Sender(desk, chats[n % chats.length] as Chat, program.token ?? '', id)),
  ) as [Sender[], Sender[]]
  const readers = await readersOf(cast, url, findings)
  for (const reader of readers) {
    reader.start()
  }
  let roaming = false
  let roamed: Promise<unknown> = Promise.resolve()

  const trial: Trial = {
    cast,
    findings,
    pool,
    onAcknowledged() {},
    async send(perSecond, more) {
      if (!roaming) {
        roaming = true
        roamed = Promise.all(wanderers.map(wander))
      }
      const begun = performance.now()
      for (let sent = 0; more(sent); await wait(5)) {
        const due = Math.floor(((performance.now() - begun) * perSecond) / 1000)
        for (; sent < due && more(sent); sent++) {
          senders[sent % senders.length]?.post(begun + (sent * 1000) / perSecond)
        }
      }
    },
    async rest() {
      roaming = false
      await roamed
      while (!senders.every(({ isIdle }) => isIdle)) {
        await wait(20)
      }
    },
    async judge(patience) {
      const ends = new Map<Chat, { version: number; shown: number }>()
      for (const chat of chats) {
        ends.set(chat, { version: await versionOf(pool, chat), shown: await lastShown(pool, chat) })
      }
      const places = readers.flatMap(reader =>
        reader.sights.map(sight => {
          const isFrame = reader instanceof FramedPage
          return { sight, isFrame, end: ends.get(sight.chat)?.[isFrame ? 'shown' : 'version'] ?? 0 }
        }),
      )
      const deadline = performance.now() + patience
      while (places.some(({ sight, end }) => sight.cursor < end) && performance.now() < deadline) {
        await wait(20)
      }
      // What others did not get is counted by the audit. A frame that shows nothing more looks like one of a quiet chat.
      for (const { sight } of places.filter(({ isFrame, sight, end }) => isFrame && sight.cursor < end)) {
        findings.note('lost', `${sight.reader} waits at ${sight.cursor}`)
      }
      for (const frame of readers.filter(reader => reader instanceof FramedPage)) {
        const [{ chat }] = frame.sights as [Sight]
        while (!(await isCurrent(pool, chat, frame)) && performance.now() < deadline) {
          await wait(200)
        }
      }
      for (const chat of chats) {
        await audit(pool, chat, ends.get(chat)?.version ?? 0, readers, findings)
      }
      return findings.take()
    },
    async close() {
      await Promise.all(readers.map(reader => reader.stop()))
      agent.destroy()
      await db.destroy()
    },
  }
  return trial

  async function wander(wanderer: Sender) {
    while (roaming) {
      await wanderer.wander()
      await wait(STAY)
    }
  }
}
