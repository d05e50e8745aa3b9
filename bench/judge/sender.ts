import type { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { type Act, deleting, editing, faultOf, forbidden, joining, leaving, posting, reacting } from './acts.js'
import type { Chat } from './chats.js'
import { type Answer, Broken, exchange, isUnavailable, shorten } from './exchange.js'
import type { Findings } from './findings.js'
import { newPost, type Post, textOf } from './posts.js'

/** How many requests of one sender are under way at the same time; more have to wait, and their time counts from their schedule. */
const LANES = 4

/** Between two tries to settle an outcome, in milliseconds, and how many there are. */
const PAUSE = 200
const TRIES = 1500

/** Where senders send to, and what they report. */
export interface Desk {
  url: string
  agent: Agent
  findings: Findings
  /** Told of each acknowledgement, with the times of `performance.now()` at which it was first sent and came. */
  onAcknowledged(chat: Chat, sentAt: number, at: number): void
}

/** A member of one chat who does one act after another, some of them at the same time. */
export class Sender {
  readonly chat: Chat
  readonly user_id: number
  private readonly desk: Desk
  private readonly token: string
  private readonly waiting: Act[] = []
  private busy = 0
  private count = 0

  constructor(desk: Desk, chat: Chat, token: string, user_id: number) {
    this.desk = desk
    this.chat = chat
    this.token = token
    this.user_id = user_id
  }

  get isIdle() {
    return this.busy === 0 && this.waiting.length === 0
  }

  /** A message is due. Of ten, one is edited afterwards, one deleted and one liked. */
  post(scheduledAt: number) {
    const n = this.count
    const post = this.newPost()
    const act = posting(this.chat, post, scheduledAt)
    this.add({
      ...act,
      acknowledged: json => {
        act.acknowledged(json)
        this.desk.findings.posts++
        const change = [
          editing(this.chat, post, textOf(`${post.key} again`)),
          deleting(this.chat, post),
          reacting(this.chat, post),
        ][n % 10]
        if (change) {
          this.add(change)
        }
      },
    })
  }

  /** Leaves, tries to post, comes back and posts. */
  async wander() {
    await this.perform(leaving(this.chat))
    const refused = this.newPost()
    refused.refused = true
    await this.perform(forbidden(this.chat, refused, performance.now()))
    await this.perform(joining(this.chat))
    const post = this.newPost()
    await this.perform(posting(this.chat, post, performance.now()))
    this.desk.findings.posts++
  }

  private newPost(): Post {
    const post = newPost(`${this.user_id}-${this.count++}`, this.user_id)
    this.chat.posts.set(post.key, post)
    return post
  }

  private add(act: Act) {
    this.waiting.push(act)
    if (this.busy < LANES) {
      void this.work()
    }
  }

  private async work() {
    this.busy++
    for (let act = this.waiting.shift(); act; act = this.waiting.shift()) {
      await this.perform(act)
    }
    this.busy--
  }

  /** Sends the act until its outcome is known. */
  private async perform(act: Act) {
    const { findings, onAcknowledged } = this.desk
    const what = `${act.method} ${act.path}`
    const sentAt = performance.now()
    act.sent?.()
    for (let tries = 1; tries <= TRIES; tries++) {
      const answer = await this.ask(act, what)
      if (answer && act.statuses.includes(answer.status)) {
        const fault = faultOf(act, answer, tries > 1)
        if (!fault) {
          const at = performance.now()
          findings.operations++
          findings.settled += tries > 1 ? 1 : 0
          findings.latencies.push(at - act.scheduledAt)
          act.acknowledged(answer.body === '' ? undefined : JSON.parse(answer.body))
          onAcknowledged(this.chat, sentAt, at)
          return
        }
        findings.note('wrong', `The answer to ${what} ${fault}`)
      } else if (answer && !isUnavailable(answer)) {
        findings.note('wrong', `${what} was answered with ${answer.status}: ${shorten(answer.body)}`)
      }
      act.unsettled?.()
      await wait(PAUSE)
    }
    findings.note('lost', `${what} was never acknowledged`)
  }

  /** Undefined where there was no whole answer. */
  private async ask(act: Act, what: string): Promise<Answer | undefined> {
    const { url, agent, findings } = this.desk
    try {
      const headers = { authorization: `Token ${this.token}`, ...act.headers }
      const answer = await exchange(url, agent, { ...act, headers })
      if (isUnavailable(answer)) {
        findings.failed(`${what} was refused with 503`)
      }
      return answer
    } catch (error) {
      if (!(error instanceof Broken)) {
        throw error
      }
      if (!error.wasIdle) {
        findings.failed(`${what} ${error.message}`)
      }
      return undefined
    }
  }
}
