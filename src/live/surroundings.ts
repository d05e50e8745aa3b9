import type { Chat } from '../db/chats.js'
import type { Event } from '../db/events.js'
import type { Member } from '../db/members.js'
import type { Piece } from './pieces.js'

/** A page in pieces. A name stands where each request puts something of its own. */
export type Cut<Name extends string = string> = readonly (Piece | Name)[]

/** How many pages of one chat are kept: they differ by the settings of their readers, and by who of the first members reads. */
const PAGES_AT_MOST = 200

/** What a chat's page shows around its log, as the database had it. No event after that has changed it. */
export class Surroundings {
  /** As its newest link has it. What is one member's own in it is not to be used. */
  readonly chat: Chat
  readonly members: readonly Member[]
  readonly member_count: number
  readonly madeAt = performance.now()
  /** What they take together with their pages, in bytes. */
  bytes = 4000
  private readonly pages = new Map<string, Cut>()

  constructor(chat: Chat, members: readonly Member[], member_count: number) {
    this.chat = chat
    this.members = members
    this.member_count = member_count
  }

  /** Whether the chat, as somebody has read it, is the same as here. */
  isOf({ uri, version, owner_version }: Chat): boolean {
    const { chat } = this
    return uri === chat.uri && version >= chat.version && owner_version === chat.owner_version
  }

  /** The page for all readers who have `key` in common, made where there is none. */
  page<Name extends string>(key: string, make: () => Cut<Name>): Cut<Name> {
    const known = this.pages.get(key) as Cut<Name> | undefined
    if (known) {
      return known
    }
    const made = make()
    if (this.pages.size < PAGES_AT_MOST) {
      this.pages.set(key, made)
      for (const part of made) {
        this.bytes += typeof part === 'string' ? 0 : 200 + part.text.length + part.blocks.length
      }
    }
    return made
  }
}

/** Whether the event changes what a chat's page shows around its log. */
export function changesSurroundings({ kind }: Event): boolean {
  return AROUND.has(kind)
}

const AROUND: ReadonlySet<Event['kind']> = new Set([
  'joined',
  'left',
  'removed',
  'named',
  'renamed',
  'changed',
  'owner',
])
