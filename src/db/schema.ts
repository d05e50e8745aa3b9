import type { ColumnType, Generated, Kysely } from 'kysely'

export type Db = Kysely<Schema>

/** A column that the database fills in on insert and that code never updates. */
type Given<T> = ColumnType<T, T | undefined, never>

export interface Schema {
  users: {
    id: Given<number>
    username: string
    folded_username: string
    email: string
    password_hash: string
    version: Generated<number>
    created_at: Given<Date>
  }
  sessions: {
    id_hash: Buffer
    user_id: number
    created_at: Given<Date>
    last_used_at: Generated<Date>
  }
  tokens: {
    id: Given<number>
    key_hash: Buffer
    user_id: number
    created_at: Given<Date>
    last_used_at: Generated<Date>
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
    closed_at: Date | null
    created_at: Given<Date>
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
    joined_at: Given<Date>
    left_at: Date | null
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
  }
}

export type EventKind = 'message' | 'joined' | 'left'
