import type { ColumnType, Generated, Kysely } from 'kysely'

export type Db = Kysely<Schema>

/** A column that the database fills in on insert and that code never updates. */
type Given<T> = ColumnType<T, T | undefined, never>

export interface Schema {
  users: {
    id: Given<number>
    kind: Generated<UserKind>
    username: string
    folded_username: string | null
    name: string
    folded_name: string
    /** What the two names look like (text/skeleton.ts). Null until a migration has filled it in; of the username as folded_username is. */
    skeleton: string | null
    username_skeleton: string | null
    email: Generated<string>
    password_hash: string | null
    /** Whether the hash is of the password in NFKC. Older ones are of what was typed. */
    password_normalised: Generated<boolean>
    visit_hash: Buffer | null
    unsettled: Generated<boolean>
    became: number | null
    version: Generated<number>
    created_at: Given<Date>
    deleted_at: Date | null
  }
  sessions: {
    id: Given<number>
    id_hash: Buffer
    user_id: number
    agent: Generated<string>
    created_at: Given<Date>
    last_used_at: Generated<Date>
  }
  tokens: {
    id: Given<number>
    key_hash: Buffer
    user_id: number
    name: Generated<string>
    scopes: Given<Scope[]>
    chat_id: number | null
    expires_at: Date | null
    parent_id: number | null
    created_at: Given<Date>
    last_used_at: Generated<Date>
  }
  tickets: {
    ticket_hash: Buffer
    token_hash: Buffer
    origin: string
    created_at: Given<Date>
  }
  submissions: {
    hash: Buffer
    seed: string
    session_hash: Buffer | null
    path: string
    created_at: Generated<Date>
  }
  resets: {
    key_hash: Buffer
    user_id: number
    created_at: Given<Date>
  }
  secrets: {
    name: string
    value: Buffer
  }
  limits: {
    name: string
    subject: string
    due_at: Date
  }
  chats: {
    id: Given<number>
    owner_id: number
    title: string | null
    version: Generated<number>
    member_count: Generated<number>
    last_message: number | null
    last_posted_at: Generated<Date>
    last_shown: Generated<number>
    read_only_at: Date | null
    joins_closed_at: Date | null
    guests_off_at: Date | null
    days_by_owner: number | null
    days_by_operator: number | null
    pruned_to: Generated<number>
    accountless: Generated<boolean>
    created_at: Given<Date>
    deleted_at: Date | null
  }
  retention: {
    one: Generated<boolean>
    days: number | null
  }
  links: {
    uri: string
    chat_id: number
    created_at: Given<Date>
    expires_at: Date | null
    replaced_at: Date | null
  }
  members: {
    chat_id: number
    user_id: number
    name: string
    folded_name: string
    skeleton: string | null
    guest: Generated<boolean>
    joined_at: Given<Date>
    left_at: Date | null
    last_read: Generated<number>
    seen_at: Date | null
    since: Given<number>
  }
  membership_changes: {
    user_id: number
    xid: string
    chat_id: number
    version: number
    kind: Departure | 'joined'
    uri: string | null
    changed_at: Given<Date>
  }
  bans: {
    chat_id: number
    user_id: number
    name: string
    visit_hash: Buffer | null
    created_at: Given<Date>
  }
  bots: {
    user_id: number
    chat_id: number
    hook_hash: Buffer | null
    hook_created_at: Date | null
    hook_used_at: Date | null
    created_at: Given<Date>
  }
  events: {
    chat_id: number
    version: number
    kind: EventKind
    about: number | null
    author_id: number
    text: string | null
    key: string | null
    text_hash: Buffer | null
    created_at: Given<Date>
    edited_at: Date | null
    deleted_at: Date | null
    reply_to: number | null
    mentions: Record<string, number> | null
    reactions: Record<string, number> | null
    previous: number | null
  }
  reactions: {
    chat_id: number
    version: number
    user_id: number
    emoji: string
    created_at: Given<Date>
  }
  imports: {
    id: Given<number>
    user_id: number
    key: string
    chat_id: number
    lines: Generated<number>
    hash: Buffer
    uri: string | null
    changed_at: Generated<Date>
  }
  mentions: {
    user_id: number
    chat_id: number
    version: number
  }
}

/** How a member of a chat is no longer in it. */
export type Departure = 'left' | 'removed' | 'deleted'

/** What a token lets a program do. */
export const SCOPES = ['read', 'post', 'manage'] as const
export type Scope = (typeof SCOPES)[number]

/** Programs post as bots. Those who were imported wrote what came from a file: nobody signs in as them. */
export const USER_KINDS = ['account', 'guest', 'bot', 'imported'] as const
export type UserKind = (typeof USER_KINDS)[number]

/** The small events between messages. An index of 004_people has the same list. */
export const ASIDES = ['joined', 'left', 'removed', 'named', 'renamed', 'changed', 'owner'] as const

/** The entries of a chat's list, then the events that change a message. */
export const EVENT_KINDS = ['message', ...ASIDES, 'edited', 'deleted', 'reacted'] as const
export type EventKind = (typeof EVENT_KINDS)[number]
