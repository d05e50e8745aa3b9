import { createHash, type Hash } from 'node:crypto'
import { LIMITS } from '../config.js'
import {
  beginImport,
  findImport,
  finishImport,
  type Import,
  type ImportedChange,
  type ImportedMessage,
  importedAuthors,
  storeBatch,
} from '../db/imports.js'
import { type Db, EVENT_KINDS } from '../db/schema.js'
import { randomKey } from '../keys.js'
import { inSlice } from '../slices.js'
import { asLine } from '../text/controls.js'
import { BadFile, type Item } from './import-file.js'
import { check, stateOf, written } from './import-messages.js'

/** So many messages are stored at once. */
const BATCH = 500

/** What else an export tells, which belongs to the chat that it is of: who came and went, what it was called. */
const PASSED_OVER: readonly string[] = EVENT_KINDS.filter(kind => kind !== 'message')

interface Work {
  user_id: number
  /** By which an import that was stopped goes on, and one that is whole is found again. */
  key: string
  /** That of the file, where it is null. */
  title: string | null
}

export interface Imported {
  chat_id: number
  uri: string
  /** How many messages; undefined where the chat was there already. */
  messages: number | undefined
}

/** Another file was sent by this key before. */
export class OtherFile extends Error {}

/**
 * Makes a chat of the items of a file, batch by batch. Nobody sees it before all of it is there. One that was stopped goes on behind its last batch, if
 * the file is the same up to there. Throws BadFile, OtherFile and ImportMoved.
 */
export async function importChat(db: Db, items: AsyncIterable<Item>, work: Work): Promise<Imported> {
  const before = await findImport(db, work.user_id, work.key)
  if (before?.uri) {
    return { chat_id: before.chat_id, uri: before.uri, messages: undefined }
  }
  const hand = new Importer(db, work, before, before ? await importedAuthors(db, before.chat_id) : new Map())
  for await (const item of items) {
    await inSlice()
    await hand.take(item)
  }
  return hand.finish()
}

class Importer {
  private messages: ImportedMessage[] = []
  private changes: ImportedChange[] = []
  /** The ids that the messages had in the file, in their order. A message of ours has its place here as its version. */
  private readonly ids: number[] = []
  private lines = 0
  private readonly hash: Hash = createHash('sha256')
  private title: string | null = null
  /** Whether the file says that it has an end, and whether that has come. */
  private hasHead = false
  private hasEnd = false
  private lastLine = 1
  private readonly db: Db
  private readonly work: Work
  private begun: Import | undefined
  private readonly authors: Map<string, number>
  /** Up to this line all is stored already. */
  private readonly stored: number

  constructor(db: Db, work: Work, begun: Import | undefined, authors: Map<string, number>) {
    this.db = db
    this.work = work
    this.begun = begun
    this.authors = authors
    this.stored = begun?.lines ?? 0
  }

  async take({ line, text, isAround }: Item) {
    this.lastLine = line
    this.lines++
    if (this.lines > LIMITS.importLines) {
      throw new BadFile(line, `A chat can have ${LIMITS.importLines} lines at most when it is imported.`)
    }
    this.hash.update(text).update('\n')
    const value = parsed(text, line)
    if (isAround) {
      this.readAround(line, value)
    } else {
      this.read(line, value)
    }
    if (
      this.lines === this.stored &&
      !this.hash
        .copy()
        .digest()
        .equals(this.begun?.hash ?? Buffer.alloc(0))
    ) {
      throw new OtherFile()
    }
    if (this.messages.length + this.changes.length >= BATCH) {
      await this.store()
    }
  }

  async finish(): Promise<Imported> {
    if (this.lines < this.stored) {
      throw new OtherFile()
    }
    if (this.hasHead && !this.hasEnd) {
      throw new BadFile(this.lastLine, 'The export is not complete: its end is missing.')
    }
    if (this.ids.length === 0) {
      throw new BadFile(this.lastLine, 'There is no message in this file.')
    }
    await this.store()
    const uri = randomKey(16)
    const { user_id, title } = this.work
    const begun = await this.begin()
    await finishImport(this.db, begun, { user_id, uri, title: title ?? this.title })
    return { chat_id: begun.chat_id, uri, messages: this.ids.length }
  }

  private read(line: number, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadFile(line, 'An object with fields is required.')
    }
    const { event = 'message', id, version, title } = value as Record<string, unknown>
    if (event === 'message') {
      this.addMessage(line, value)
    } else if (event === 'changed' && id !== version) {
      this.addChange(line, value)
    } else if (event === 'export') {
      this.hasHead = true
      this.title = titleOf(title)
    } else if (event === 'end') {
      this.hasEnd = true
    } else if (event === 'gone') {
      throw incomplete(line)
    } else if (!PASSED_OVER.includes(String(event))) {
      throw new BadFile(line, 'Its "event" is none that an export has.')
    }
  }

  /** A JSON document: an export, which says there how it ended, or another one with a list of messages. */
  private readAround(line: number, value: unknown) {
    const { event, title, end, gone } = (value ?? {}) as Record<string, unknown>
    if (gone !== undefined) {
      throw incomplete(line)
    }
    this.hasHead = event === 'export'
    this.hasEnd = end !== undefined
    this.title = titleOf(title)
  }

  private addMessage(line: number, value: unknown) {
    const { id, user, created_at, reply_to, ...now } = check(written, value, line)
    const previous = this.ids.at(-1) ?? -1
    if (id !== undefined && id <= previous) {
      throw new BadFile(line, `"id": It must be greater than that of the message before, ${previous}.`)
    }
    const answered = reply_to ? this.versionOf(reply_to.id) : null
    this.ids.push(id ?? previous + 1)
    const message = { version: this.ids.length, name: user.name, created_at, reply_to: answered, ...stateOf(now, line) }
    if (this.lines > this.stored) {
      this.messages.push(message)
    }
  }

  private addChange(line: number, value: unknown) {
    const { id = -1, ...now } = check(written, value, line)
    const version = this.versionOf(id)
    if (version !== null && this.lines > this.stored) {
      this.changes.push({ version, ...stateOf(now, line) })
    }
  }

  /** The version of the message that has that id in the file; null where the file has no such message before this line. */
  private versionOf(id: number): number | null {
    let [low, high] = [0, this.ids.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.ids[middle] ?? 0) < id) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return this.ids[low] === id ? low + 1 : null
  }

  private async store() {
    const { messages, changes, lines } = this
    if (messages.length + changes.length === 0) {
      return
    }
    const begun = await this.begin()
    const names = new Set([...this.authors.keys(), ...messages.map(({ name }) => name)])
    if (names.size > LIMITS.importAuthors) {
      throw new BadFile(this.lastLine, `A chat can have ${LIMITS.importAuthors} authors at most when it is imported.`)
    }
    const hash = this.hash.copy().digest()
    await storeBatch(this.db, begun, { messages, changes, lines, hash }, this.authors)
    this.begun = { ...begun, lines, hash }
    this.messages = []
    this.changes = []
  }

  /** Not before there is something to store, so that nothing is left of a file that cannot be read. */
  private async begin(): Promise<Import> {
    const { user_id, key } = this.work
    this.begun ??= await beginImport(this.db, user_id, key, Buffer.alloc(0))
    return this.begun
  }
}

function parsed(text: string, line: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new BadFile(line, 'This is not valid JSON.')
  }
}

function titleOf(title: unknown): string | null {
  return typeof title === 'string' ? [...asLine(title)].slice(0, LIMITS.titleCodePoints).join('') || null : null
}

function incomplete(line: number): BadFile {
  return new BadFile(line, 'The export is not complete: who made it was not allowed to read on.')
}
