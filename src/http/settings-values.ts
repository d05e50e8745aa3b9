import type { botsOf } from '../db/bots.js'
import type { Chat } from '../db/chats.js'
import type { heirsOf } from '../db/owners.js'
import type { FieldErrors } from '../errors.js'

/** What the page of a chat's settings shows. */
export interface SettingsValues {
  chat: Chat
  name: string
  heirs: Awaited<ReturnType<typeof heirsOf>>
  share_url: string
  /** For how long a new link can let people in: words by seconds. */
  lives: Readonly<Record<string, string>>
  /** For how many days the owner can choose to keep messages. */
  spans: readonly number[]
  bots: Awaited<ReturnType<typeof botsOf>>
  made: BotKeys | null
  /** Whether a change was saved just now. */
  saved: boolean
  /**
   * As they are, or as they were typed. `name` is what was typed to delete the chat, `bot_name` for a new bot, `kept_days` what the owner has
   * chosen.
   */
  values: {
    title: string
    read_only: boolean
    joins_closed: boolean
    guests: boolean
    kept_days: number | null
    name: string
    bot_name: string
  }
  errors: FieldErrors
}

/** The keys of a bot, shown this once; null for one that stays as it was. */
export interface BotKeys {
  name: string
  auth_token: string | null
  hook_url: string | null
}
