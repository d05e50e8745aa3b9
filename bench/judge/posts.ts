/** One message, and what the trial has done to it and knows of it. Times are `performance.now()`'s. */
export interface Post {
  key: string
  author: number
  /** As it was posted. */
  text: string
  /** What its author makes of it later, where they edit it. */
  newText: string | undefined
  sentAt: number
  /** Undefined until it is acknowledged, as all that follows. */
  ackedAt: number | undefined
  version: number | undefined
  edited: boolean
  deleted: boolean
  reacted: boolean
  /** Whether the author was no member when it was sent: it must be refused. */
  refused: boolean
  /** A request of it was not answered. It may have waited somewhere until its author was a member again. */
  mayComeLate: boolean
}

const WORDS = 'about eighty bytes & more, as people <write> them in a "chat", isn\'t it?'

/** Each text occurs once in a trial, and has what pages have to escape. */
export function textOf(key: string): string {
  return `${key} ${WORDS}`
}

/** The key of the post whose text this is, or was before it was edited. */
export function keyIn(text: string | null): string | undefined {
  return text?.split(' ', 1)[0]
}

export function newPost(key: string, author: number): Post {
  return {
    key,
    author,
    text: textOf(key),
    newText: undefined,
    sentAt: 0,
    ackedAt: undefined,
    version: undefined,
    edited: false,
    deleted: false,
    reacted: false,
    refused: false,
    mayComeLate: false,
  }
}
