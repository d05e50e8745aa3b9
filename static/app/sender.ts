import { explains, requestOf } from './htmx.ts'
import { claim, say, unsay } from './notice.ts'
import type { Outbox } from './outbox.ts'
import { type Fate, fateOf, nextToSend, pauseAfter, type Waiting } from './queue.ts'
import { notYet } from './words.ts'

/** The page's list of messages, as far as sending needs it. */
export interface List {
  /** The version that it has come to; empty on a page of older messages. */
  cursor(): string
  /** Asks for what comes after that version. */
  catchUp(): void
}

/** What became of messages. */
interface Told {
  /** The outbox may have changed, or a message in it has become too old. */
  changed(): void
  done(message: Waiting, fate: Fate): void
}

/**
 * Sends what waits: the oldest first, and the next after its answer. Other pages may send the same at the same time: its key makes the
 * second of two posts a repetition. The returned function tries at once; what failed is also tried again after a pause.
 */
export function sendWaiting(source: Element, path: string, outbox: Outbox, list: List, told: Told): () => void {
  let busy = false
  let failures = 0
  let timer: number | undefined
  /** The server has asked to wait until then, by `performance.now()`. */
  let notBefore = 0
  let sending: Waiting | undefined
  let fate: Fate = 'again'
  /** The version that the answer has brought the list to. */
  let reached = 0

  // Before the answer leads to another page or is put into this one.
  source.addEventListener('htmx:after:request', event => {
    const request = requestOf(event)
    const { response, text = '' } = request
    const status = response?.status ?? 0
    const isOurs = status === 204 || explains(request)
    fate = fateOf({ status, isOurs, isStale: response?.headers.get('HX-Trigger') === 'stale' })
    notBefore = performance.now() + 1000 * (Number(response?.headers.get('Retry-After')) || 0)
    reached = Number(/id="tail-(\d+)"/.exec(text)?.[1] ?? 0)
    if (fate === 'gone') {
      event.preventDefault()
    } else if (fate === 'stored') {
      unsay('composer')
    } else if (isOurs) {
      // Why a message was refused stays there while the next one is sent.
      claim(fate === 'refused' ? 'refusal' : 'composer')
    } else {
      say(notYet, 'composer')
    }
    if (sending) {
      told.done(sending, fate)
    }
  })

  async function sendAll() {
    do {
      told.changed()
      sending = nextToSend(outbox.all(), Date.now())
      if (!sending) {
        return
      }
      await send(sending)
    } while (fate === 'stored' || fate === 'refused')
    if (fate === 'again') {
      timer = setTimeout(tryNow, Math.max(notBefore - performance.now(), pauseAfter(++failures, Math.random())))
    }
  }
  async function send({ text, key, reply_to = '' }: Waiting) {
    const after = list.cursor()
    fate = 'again' as Fate
    reached = 0
    const values = { message: text, key, reply_to, ...(after === '' ? {} : { after }) }
    await htmx.ajax('POST', path, { source, swap: 'none', values })
    if (fate === 'stored' || fate === 'refused') {
      failures = 0
    }
    // Where a poll was faster the answer found no tail to replace. Where none came, the poll says that the connection is lost.
    if (Number(list.cursor()) < reached || fate === 'again') {
      list.catchUp()
    }
  }
  function tryNow() {
    if (!busy && performance.now() >= notBefore) {
      clearTimeout(timer)
      busy = true
      void sendAll().finally(() => {
        busy = false
      })
    }
  }
  return tryNow
}
