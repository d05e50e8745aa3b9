import { setTimeout as wait } from 'node:timers/promises'
import { Tally } from '../tally.js'
import type { Typist } from './typing.js'

/** How long hints are gathered before they are sent together, in milliseconds. */
const GATHER = 10

/** For so long they wait for a carrier that takes nothing, in milliseconds. Then a sweep has found what they tell of. */
const WAITS = 2_000

/**
 * The most that is put into one text. What PostgreSQL notifies of has less than 8,000 bytes, and a frame of RabbitMQ's protocol 8,192 in
 * the library.
 */
const TEXT = 7_000

/** What a process does with the hints of the others. A hint can be lost, repeated or late: the sweep finds the same without it. */
interface Listener {
  /** The chat is at that version. */
  chat(id: number, version: number): void
  /** A session or token of the user may have ended. */
  user(id: number): void
  /** A member is typing. A hint of this kind that is lost stays lost. */
  typing(chat_id: number, typist: Typist): void
  /** The bus listens from now on. Hints from before may have been missed. */
  missed(): void
}

/** What the carrier of a process tells it. */
export interface Hearer {
  /** Another process has sent the text. */
  hear(text: string): void
  /** It hears from now on. Texts from before may have been missed. */
  missed(): void
}

/** Brings texts from each process to all others, over a server. A text can be lost, repeated or late. */
export interface Carrier {
  readonly name: 'postgres' | 'rabbitmq'
  /** Whether texts go out and come in. */
  readonly isUp: boolean
  /** Whether a text that is sent now would go out now. */
  readonly isFree: boolean
  /** Resolves once the text is on its way. Rejects where it is lost. One at a time. */
  send(text: string): Promise<unknown>
  close(): Promise<void>
}

export interface Bus {
  readonly name: Carrier['name'] | 'off'
  /** Whether hints go out and come in. One that is off has none to lose. */
  readonly isUp: boolean
  readonly hints: Tally<'sent' | 'received' | 'lost'>
  tellChat(id: number, version: number): void
  tellUser(id: number): void
  tellTyping(chat_id: number, typist: Typist): void
  close(): Promise<void>
}

/** BUS=off: no hints. What other processes post is found by the sweep alone. */
export const noBus: Bus = {
  name: 'off',
  isUp: true,
  hints: new Tally(),
  tellChat() {},
  tellUser() {},
  tellTyping() {},
  async close() {},
}

/** Writes hints into texts that a carrier brings to the other processes, and reads theirs. */
export class CarriedBus implements Bus {
  readonly hints: Bus['hints'] = new Tally()
  private readonly listener: Listener
  private readonly carrier: Carrier
  private readonly chats = new Map<number, number>()
  private readonly users = new Set<number>()
  private readonly typing = new Map<string, string>()
  private sending = false
  private closed = false

  constructor(listener: Listener, open: (hearer: Hearer) => Carrier) {
    this.listener = listener
    this.carrier = open({ hear: text => this.hear(text), missed: () => listener.missed() })
  }

  get name() {
    return this.carrier.name
  }

  get isUp() {
    return this.carrier.isUp
  }

  tellChat(id: number, version: number) {
    this.chats.set(id, Math.max(version, this.chats.get(id) ?? 0))
    void this.send()
  }

  tellUser(id: number) {
    this.users.add(id)
    void this.send()
  }

  tellTyping(chat_id: number, { user_id, after, name }: Typist) {
    const key = `t${chat_id}:${user_id}`
    this.typing.set(key, `${key}:${after}:${encodeURIComponent(name)}`)
    void this.send()
  }

  async close() {
    this.closed = true
    await this.carrier.close()
  }

  private hear(text: string) {
    for (const hint of text.split(' ')) {
      this.hints.note('received')
      const [, chat, version, user, typing_in, user_id, after, name] =
        /^(?:c(\d+):(\d+)|u(\d+)|t(\d+):(\d+):(\d+):(\S+))$/.exec(hint) ?? []
      if (chat) {
        this.listener.chat(Number(chat), Number(version))
      } else if (user) {
        this.listener.user(Number(user))
      } else if (typing_in) {
        const shown = readName(name ?? '')
        if (shown !== undefined) {
          this.listener.typing(Number(typing_in), { user_id: Number(user_id), after: Number(after), name: shown })
        }
      }
    }
  }

  /** Sends one text after another; each takes all hints that were gathered meanwhile. */
  private async send() {
    if (this.sending || this.closed) {
      return
    }
    this.sending = true
    while (this.chats.size + this.users.size + this.typing.size > 0) {
      const begun = performance.now()
      do {
        await wait(GATHER)
      } while (!this.carrier.isFree && !this.closed && performance.now() - begun < WAITS)
      const hints = this.take()
      let end: 'sent' | 'lost' = this.carrier.isFree ? 'sent' : 'lost'
      try {
        for (const text of end === 'sent' ? textsOf(hints) : []) {
          await this.carrier.send(text)
        }
      } catch {
        // The carrier itself reports why.
        end = 'lost'
      }
      for (const _ of hints) {
        this.hints.note(end)
      }
    }
    this.sending = false
  }

  private take(): readonly string[] {
    const hints = [
      ...[...this.chats].map(([id, version]) => `c${id}:${version}`),
      ...[...this.users].map(id => `u${id}`),
      ...this.typing.values(),
    ]
    this.chats.clear()
    this.users.clear()
    this.typing.clear()
    return hints
  }
}

/** Undefined for what Chatire would not send: others too can have access to the server that carries the hints. */
function readName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function textsOf(hints: readonly string[]): string[] {
  const texts: string[] = []
  let text = ''
  for (const hint of hints) {
    if (text.length + hint.length >= TEXT) {
      texts.push(text)
      text = ''
    }
    text += text ? ` ${hint}` : hint
  }
  return [...texts, text]
}
