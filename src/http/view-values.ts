import type { CODES, FIELD_CODES } from '../codes.js'
import type { Kept } from '../db/abandoned-chats.js'
import type { bansOf } from '../db/bans.js'
import type { Chat, chatsOf } from '../db/chats.js'
import type { Event } from '../db/events.js'
import type { Member } from '../db/members.js'
import type { passingOn } from '../db/owners.js'
import type { Hit } from '../db/search.js'
import type { sessionsOf } from '../db/sessions.js'
import type { tokensOf } from '../db/tokens.js'
import type { User } from '../db/users.js'
import type { FieldErrors } from '../errors.js'
import type { Entry } from '../live/entry.js'
import type { Piece } from '../text/snippet.js'
import type { Preferences } from './account-schemas.js'
import type { Assets } from './assets.js'
import type { Manual } from './manual.js'
import type { SettingsValues } from './settings-values.js'

/** What the frame of every page needs. */
export interface FrameValues {
  /** Null for visitors. */
  user: User | null
  /** What their avatar shows of their name. */
  user_initial: string
  /** The form token. */
  csrf: string
  /** The key of a form that browsers may send twice. */
  form_key: string
  assets: Assets['paths']
  preferences: Preferences
}

/** What a form shows of what was typed into it, passwords excepted, and what is wrong with it. */
export interface FormValues {
  /** Where to go on afterwards: a path, or empty. */
  next: string
  values: Partial<Record<'username' | 'email' | 'name' | 'draft' | 'draft_of' | 'reply_to', string>>
  errors: FieldErrors
}

/** The forms on the account's page. */
export type AccountForm = 'name' | 'email' | 'password' | 'keep' | 'token' | 'delete'

/** A list of messages, with what it depends on. */
interface ListValues {
  /** From the link that its reader uses: a chat's URI changes. */
  uri: string
  entries: readonly Entry[]
  /** The first message that is new to the reader, where the list is to say so. */
  unread_from: number | null
  /** The reader's id. */
  me: number
}

/** A chat of a user's list. */
export type ListedChat = Rows<typeof chatsOf>

/** An item of a list that was rendered by itself. */
export interface Item {
  html: string
}

/** A list of chats. */
interface ChatListValues {
  chats: readonly Item[]
  /** Names what the list shows, for the page that asks for it again. */
  stamp: string
  /** Where the next page begins. */
  older: string | null
  /** Whether this is the first page. */
  newest: boolean
}

interface HeaderValues {
  chat: Chat
  /** What the chat is called, also where it has no title. */
  name: string
  me: number
  share_url: string
  /** Whether there is a QR code of it: it has none where it is too long. */
  has_code: boolean
}

/** A message that was found, with the words around the first hit. */
export type FoundHit = Hit & { snippet: readonly Piece[] }

/** What a reader can do to a message. */
interface ActionValues {
  uri: string
  message: Event
  /** The reader's own reactions. */
  mine: readonly string[]
  can: { answer: boolean; react: boolean; edit: boolean; delete: boolean }
  /** All reactions that there are. */
  emojis: readonly string[]
  /** The text in the field for a new one. */
  text: string
  /** Why that was refused, or empty. */
  sentence: string
}

interface ExportValues {
  chat: Chat
  /** The reader's exports of this chat: how much of each is done, of 100. */
  running: readonly { format: string; done: number }[]
}

/** The values of each view that is a whole page, beside those of its frame. */
export interface PageValues {
  'account/show.njk': Omit<FormValues, 'next'> & {
    /** The form that was refused, or empty. */
    form: AccountForm | ''
    /** What has just been done, as a sentence, or empty. */
    done: string
    /** Whether to say that programs go on by their tokens, with a button against it. */
    tokens_go_on: boolean
    /** A token that is shown this once. */
    made: { name: string; key: string } | null
    sessions: readonly (Rows<typeof sessionsOf> & { current: boolean })[]
    /** `chat`: the name of the only one that it is for. */
    tokens: readonly (Omit<Rows<typeof tokensOf>, 'title' | 'owner_name'> & { chat: string | null })[]
    /** The user's newest chats, and what was typed. */
    token_form: {
      chats: readonly { uri: string; name: string }[]
      scopes: readonly string[]
      chat: string
      expires_at: string
    }
  }
  'bans/index.njk': { chat: Chat; bans: readonly Rows<typeof bansOf>[]; more_after: number | null; limit: number }
  /** For members: the link, to hand on. */
  'chats/invitation.njk': { chat: Chat; share_url: string; has_code: boolean }
  /** For visitors: who invites them, and how to come in. `preview_url`: of the picture that programs show beside the link. */
  'chats/invite.njk': FormValues & { chat: Chat; preview_url: string }
  'chats/join.njk': { chat: Chat }
  'chats/show.njk': HeaderValues &
    Omit<ListValues, 'uri'> & {
      version: number
      /** Whether there are older messages. */
      more: boolean
      /** Whether the chat has no message yet. */
      empty: boolean
      members: readonly Member[]
      member_count: number
      kept: Kept | null
      /** The message that comes after a list which begins with one. */
      newer: number | null
      /** Whether the list shows others than the newest messages. */
      past: boolean
      /** How many messages the reader had not read. */
      unread: number
      /** What could not be sent, and why; the key it was sent with where that may have been stored. */
      composer: { text: string; key: string | null; sentence: string }
      /** For the next message. */
      key: string
      /** The message that the next one answers. */
      reply: Event | null
      /** Says whose draft it is, for the way round by signing in. */
      draft_of: string
    }
  'error.njk': {
    status: number
    title: string
    sentence: string
    next: string
    /** A message that was not sent; `draft_of` says whose it is, `reply_to` what it answers. */
    typed: string
    draft_of: string
    reply_to: string
  }
  'exports/show.njk': ExportValues & {
    name: string
    formats: readonly { format: string; words: string }[]
    /** How many events there are, where they were all counted, and about how many bytes their texts have. */
    events: number | null
    size: string
  }
  'help/show.njk': object
  'imports/new.njk': {
    /** By which the import is known again; that of one that was stopped, where there is one. */
    key: string
    /** How many lines of that are stored. */
    stopped: number | null
    title: string
    sentence: string
  }
  'live/frame.njk': { uri: string; unread_from: number | null }
  'live/messages.njk': ListValues & {
    /** Whether the chat has no message yet. */
    empty: boolean
    member_count: number
    share_url: string
    /** Whether it stands in live/frame.njk. */
    framed: boolean
    /** Whether it is complete. Otherwise it goes on event by event. */
    ends: boolean
  }
  'live/refusal.njk': { sentence: string; status: number; next: string }
  'members/index.njk': {
    chat: Chat
    kept: Kept | null
    name: string
    me: number
    members: readonly Member[]
    /** After whom the next page begins. */
    more_after: string | null
    limit: number
    /** Whether this is the first page. */
    first: boolean
  }
  /** `entries` is the message alone. */
  'messages/show.njk': ActionValues & ListValues & { chat: Chat; before: readonly Entry[]; after: readonly Entry[] }
  'offline.njk': object
  'preferences/show.njk': {
    /** Whether a change was saved just now. */
    saved: boolean
    errors: FieldErrors
  }
  'resets/edit.njk': { username: string; errors: FieldErrors }
  'search/show.njk': {
    /** Null where all chats are searched. */
    chat: Chat | null
    path: string
    q: string
    sentence: string
    results: {
      /** Whether there was a word to look for. */
      searched: boolean
      count: number
      items: readonly Item[]
      /** The query string of the next page. */
      older: string | null
      newest: boolean
    } | null
  }
  'reference/show.njk': Manual & {
    site: string
    /** Stands in the lines, this once. */
    token: string | null
    codes: typeof CODES
    field_codes: typeof FIELD_CODES
  }
  'sessions/login.njk': FormValues
  'sessions/logout.njk': {
    /** Of a guest: those that go to others by it. */
    chats: readonly (Rows<typeof passingOn> & { name: string })[]
    /** Whether there are more of these. */
    more: boolean
  }
  'settings/show.njk': SettingsValues
  /** The values are of the form by which a guest starts a chat. */
  'start/entrance.njk': FormValues
  'start/welcome.njk': ChatListValues
  'users/signup.njk': FormValues
}

/** The values of each view that is part of a page. */
export interface FragmentValues {
  /** Any refusal. */
  '_refusal.njk': { status: number; sentence: string; next: string }
  /** `is_open`: whether it is the chat that the list stands beside. */
  'chats/_chat.njk': { chat: ListedChat; is_open: boolean }
  'chats/_header_again.njk': HeaderValues
  'chats/_list.njk': ChatListValues
  'exports/_running.njk': ExportValues
  'members/_members.njk': {
    chat: Chat
    me: number
    members: readonly Member[]
    member_count: number
    kept: Kept | null
  }
  /** `csrf` is empty where htmx sends it by itself. */
  'messages/_actions.njk': ActionValues & { csrf: string }
  /** `mine`: whether the reader wrote it. Nothing else here depends on the reader. */
  'messages/_event.njk': { event: Event; mine: boolean; uri: string }
  'messages/_older.njk': ListValues & { more: boolean }
  'messages/_reply.njk': { uri: string; reply: Event | null }
  'search/_result.njk': { hit: FoundHit; me: number; names_chat: boolean }
  /** `more`: there is more at this moment. `slow`: a stream brought it, so it asks seldom until that ends. */
  'messages/_tail.njk': { uri: string; version: number; more: boolean; slow: boolean }
}

/** One row of what a function of src/db returns. */
type Rows<F extends (...args: never[]) => Promise<readonly unknown[]>> = Awaited<ReturnType<F>>[number]
