import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch } from './batch.js'
import type { Entry } from './entry.js'
import type { Feed } from './feed.js'
import { SENTENCES, SocketStream } from './socket-stream.js'
import type { Reader } from './stream.js'

/** How many events may wait for the database's answer. After more the reader has to come back. */
const HELD_AT_MOST = 300

/** What an open link does for its readers. */
export interface OpenLink {
  /** The message as it is written; made once for all readers. */
  frame(entry: Entry): Buffer
  /** Asks the database, after that event, whether the chat may still be read by the link. Throws its error. */
  isOpenAfter(entry: Entry): Promise<boolean>
}

/**
 * A WebSocket of somebody without a credential, who reads by an open link: it brings new messages and nothing else. The owner of the chat
 * can close the link. What follows a change of the chat is held back until the database has said that they have not.
 */
export class MessageSocket extends SocketStream {
  protected override readonly sentences = {
    ...SENTENCES,
    signed_out: 'This chat cannot be read by this link any more',
  }
  private readonly link: OpenLink
  private held: Entry[] | undefined

  constructor(reader: Reader, feed: Feed, socket: WebSocket, wire: Duplex, link: OpenLink) {
    super(reader, feed, socket, wire)
    this.link = link
  }

  override prepare(entry: Entry) {
    if (isNewMessage(entry)) {
      this.link.frame(entry)
    }
  }

  protected override write({ entries }: Batch, written?: (error?: Error) => void) {
    this.writeMessages(entries, written)
  }

  protected override writeTyping() {}

  private writeMessages(entries: readonly Entry[], written?: (error?: Error) => void) {
    if (this.held) {
      this.held.push(...entries)
      if (this.held.length > HELD_AT_MOST) {
        this.end('restart')
      }
      written?.()
      return
    }
    const change = entries.findIndex(({ event }) => event.kind === 'changed')
    const allowed = change < 0 ? entries : entries.slice(0, change)
    const frames = allowed.filter(isNewMessage).map(entry => this.link.frame(entry))
    if (frames.length > 0) {
      this.sendAll(frames, written)
    } else {
      written?.()
    }
    const changed = entries[change]
    if (changed) {
      this.held = entries.slice(change + 1)
      void this.goOnAfter(changed)
    }
  }

  private async goOnAfter(changed: Entry) {
    const isOpen = await this.link.isOpenAfter(changed).catch(() => undefined)
    const held = this.held ?? []
    this.held = undefined
    if (isOpen === undefined) {
      this.end('restart')
    } else if (!isOpen) {
      this.end('signed_out')
    } else if (!this.ended) {
      this.writeMessages(held)
    }
  }
}

/** A message that was edited before it could be written is written as it is then, one that was deleted is not. */
function isNewMessage({ event }: Entry): boolean {
  return event.kind === 'message' && event.deleted_at === null
}
