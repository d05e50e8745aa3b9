import { setImmediate } from 'node:timers/promises'
import type pg from 'pg'
import { LIMITS } from '../../src/config.js'
import { EMOJI } from './acts.js'
import { type Chat, type Row, rowsOf } from './chats.js'
import type { Findings } from './findings.js'
import { FramedPage } from './page-readers.js'
import { keyIn, type Post } from './posts.js'
import type { Reader } from './reader.js'
import { compare, type Item, type Sight } from './sight.js'

/**
 * Holds what was acknowledged and what each reader got against the chat's rows, from the last audit up to a version at which nobody posted any
 * more. What is expected comes from the database alone.
 */
export async function audit(pool: pg.Pool, chat: Chat, upTo: number, readers: readonly Reader[], findings: Findings) {
  const rows: Row[] = []
  for await (const page of rowsOf(pool, chat, chat.audited)) {
    rows.push(...page)
  }
  auditRows(chat, upTo, rows, findings)
  auditPosts(chat, rows, findings)
  auditOrder(chat, findings)
  auditLeavings(chat, rows, findings)
  const log = new Log(chat, rows)
  for (const reader of readers) {
    for (const sight of reader.sights.filter(sight => sight.chat === chat)) {
      if (reader instanceof FramedPage) {
        auditFrames(reader, sight, log, findings)
      } else {
        auditSight(sight, log, findings)
      }
      // After an hour there is much to compare, and who answers no ping meanwhile is taken for gone.
      await setImmediate()
    }
  }
  chat.audited = upTo
  chat.posts.clear()
  chat.firstSeen.clear()
}

/** Whether the newest page of a frame shows all messages as they are now. After a change it is loaded again, which takes a moment. */
export async function isCurrent(pool: pg.Pool, chat: Chat, { pages }: FramedPage): Promise<boolean> {
  const rows: Row[] = []
  for await (const page of rowsOf(pool, chat, chat.audited)) {
    rows.push(...page)
  }
  const log = new Log(chat, rows)
  return (pages.at(-1) ?? []).every(item => !log.byId.has(item.id) || log.isNow(item))
}

/** The rows, and what readers may show of each message. */
class Log {
  readonly chat: Chat
  readonly rows: readonly Row[]
  readonly byVersion: Map<number, Row>
  /** The newest state of each message that has a row here. */
  readonly byId: Map<number, Row>

  constructor(chat: Chat, rows: readonly Row[]) {
    this.chat = chat
    this.rows = rows
    this.byVersion = new Map(rows.map(row => [row.version, row]))
    this.byId = new Map(rows.map(row => [row.id, row]))
  }

  /** Whether the item shows its message as it is now. */
  isNow(item: Item): boolean {
    const row = this.byId.get(item.id)
    return (
      row !== undefined &&
      item.deleted === row.deleted &&
      item.reactions === row.reactions &&
      (item.text ?? '') === (row.text ?? '')
    )
  }

  /** Whether the message may have looked so at some time since it was posted. */
  mayHaveBeen(item: Item): boolean {
    if (this.isNow(item)) {
      return true
    }
    const row = this.byId.get(item.id)
    const post = this.chat.posts.get(keyIn(item.text) ?? '')
    return (
      row !== undefined &&
      post?.version === item.id &&
      (item.text === post.text || item.text === post.newText) &&
      !item.deleted &&
      (item.reactions === '' || item.reactions === row.reactions)
    )
  }
}

/** Versions have no gap and none comes twice. */
function auditRows(chat: Chat, upTo: number, rows: readonly Row[], findings: Findings) {
  const expected = Array.from({ length: upTo - chat.audited }, (_, n) => chat.audited + 1 + n)
  report(
    findings,
    `The log of chat ${chat.number}`,
    compare(
      expected,
      rows.map(({ version }) => version),
    ),
  )
}

/** Every acknowledged message is there once as it was acknowledged, and no other is. */
function auditPosts(chat: Chat, rows: readonly Row[], findings: Findings) {
  const found = new Set<Post>()
  for (const row of rows.filter(({ kind }) => kind === 'message')) {
    const post = chat.posts.get(row.key ?? keyIn(row.text) ?? '')
    const what = `Message ${row.version} of chat ${chat.number}`
    if (!post || (post.refused && !post.mayComeLate)) {
      findings.note('wrong', `${what} is of nobody who was let in (${row.key}: ${row.text})`)
    } else if (found.has(post)) {
      findings.note('twice', `${what} is there a second time`)
    } else {
      found.add(post)
      if (post.refused) {
        continue
      }
      const text = post.deleted ? null : post.edited ? post.newText : post.text
      if (row.version !== post.version || row.author !== post.author || row.key !== post.key) {
        findings.note('wrong', `${what} was acknowledged as ${post.version}`)
      } else if (row.text !== text || row.deleted !== post.deleted) {
        findings.note('wrong', `${what} has another text than was acknowledged: ${row.text}`)
      } else if (row.reactions !== (post.reacted ? `${EMOJI}1` : '')) {
        findings.note('wrong', `${what} has other reactions than were acknowledged: ${row.reactions}`)
      }
    }
  }
  for (const post of chat.posts.values()) {
    if (post.ackedAt !== undefined && !found.has(post)) {
      findings.note('lost', `${post.key} was acknowledged as message ${post.version} of chat ${chat.number}`)
    }
  }
}

/** A message that was acknowledged before another was sent has a lower version. */
function auditOrder(chat: Chat, findings: Findings) {
  const posts = [...chat.posts.values()].filter(({ version }) => version !== undefined)
  const acknowledged = [...posts].sort((a, b) => (a.ackedAt ?? 0) - (b.ackedAt ?? 0))
  let next = 0
  let highest = 0
  for (const post of posts.sort((a, b) => a.sentAt - b.sentAt)) {
    for (
      let before = acknowledged[next];
      before && (before.ackedAt ?? 0) < post.sentAt;
      before = acknowledged[++next]
    ) {
      highest = Math.max(highest, before.version ?? 0)
    }
    if ((post.version ?? 0) < highest) {
      findings.note(
        'out of order',
        `${post.key} of chat ${chat.number} is ${post.version}, and ${highest} came before it`,
      )
    }
  }
}

/** Every acknowledged leaving is in the log once, and so is every return. */
function auditLeavings(chat: Chat, rows: readonly Row[], findings: Findings) {
  for (const kind of ['left', 'joined']) {
    const count = rows.filter(row => row.kind === kind && chat.wanderers.has(row.author)).length
    if (count !== chat.leavings) {
      const what = count < chat.leavings ? 'lost' : 'twice'
      findings.note(
        what,
        `Chat ${chat.number} has ${count} × ${kind}, and ${chat.leavings} were acknowledged`,
        Math.abs(count - chat.leavings),
      )
    }
  }
  chat.leavings = 0
}

function auditSight(sight: Sight, log: Log, findings: Findings) {
  const { chat, spans, reader } = sight
  const versions: number[] = []
  const shown = new Map<number, Item>()
  for (const { from, to, items } of spans) {
    const rows: Row[] = []
    for (let version = from + 1; version <= to; version++) {
      versions.push(version)
      const row = log.byVersion.get(version)
      if (row) {
        rows.push(row)
      }
    }
    // Each message once, as it is after all of them.
    const ids = [...new Set(rows.map(({ id }) => id))]
    report(
      findings,
      `${reader}, between ${from} and ${to},`,
      compare(
        ids,
        items.map(({ id }) => id),
      ),
    )
    for (const item of items) {
      shown.set(item.id, item)
      if (log.byId.has(item.id) && !log.mayHaveBeen(item)) {
        findings.note('wrong', `${reader} got what message ${item.id} never was: ${JSON.stringify(item)}`)
      }
    }
  }
  const difference = compare(expectedBy(sight, log, versions), versions)
  report(findings, reader, difference)
  for (const [id, item] of shown) {
    const isStale = log.byId.has(id) && log.mayHaveBeen(item) && !log.isNow(item)
    if (isStale && difference.lost.length === 0 && sight.wanderer === undefined) {
      findings.note('lost', `${reader} was not told how message ${id} changed: ${JSON.stringify(item)}`)
    }
  }
  sight.spans = []
  sight.cursor = Math.max(sight.cursor, chat.audited)
}

/**
 * The versions that belong to the reader. Who leaves and comes back gets what was said while they were a member, each time from their return
 * on, but perhaps not the end of what was said before they left: they may not read it any more.
 */
function expectedBy({ wanderer }: Sight, { rows }: Log, got: readonly number[]): number[] {
  const stays: number[][] = [[]]
  for (const { version, kind, author } of rows) {
    if (author === wanderer && kind === 'joined') {
      stays.push([])
    }
    stays.at(-1)?.push(version)
  }
  const ends = rows.filter(({ author, kind }) => author === wanderer && kind === 'left').map(({ version }) => version)
  return stays.flatMap((stay, n) => {
    const end = ends[n] ?? Number.POSITIVE_INFINITY
    const own = stay.filter(version => version < end)
    const last = Math.max(...got.filter(version => version >= (own[0] ?? 0) && version < end))
    return ends[n] === undefined ? own : own.filter(version => version <= last)
  })
}

/**
 * Each page shows everything from its first item to its last, and the last page everything up to the end, as it is now. It opens with as many asides
 * as messages at most, the newest: what somebody did who leaves and comes back all the time is cut.
 */
function auditFrames(reader: FramedPage, sight: Sight, log: Log, findings: Findings) {
  const visible = log.rows.filter(({ id, version }) => id === version)
  const pages = reader.pages.filter(page => page.length > 0)
  const last = pages.at(-1) ?? []
  for (const page of pages) {
    const ids = page.map(({ id }) => id).filter(id => id > log.chat.audited)
    const first = Math.min(...ids)
    const end = page === last ? Number.POSITIVE_INFINITY : Math.max(...ids)
    const asides = ids.filter(id => log.byVersion.get(id)?.kind !== 'message')
    const firstAside = asides.length < LIMITS.messagesPerPage ? 0 : Math.min(...asides)
    const expected = visible
      .filter(({ id, kind }) => id >= first && id <= end && (kind === 'message' || id >= firstAside))
      .map(({ id }) => id)
    report(findings, sight.reader, compare(expected, ids))
    for (const item of page.filter(({ id }) => id > log.chat.audited && log.byId.has(id))) {
      if (!log.mayHaveBeen(item)) {
        findings.note('wrong', `${sight.reader} shows what message ${item.id} never was: ${JSON.stringify(item)}`)
      } else if (page === last && !log.isNow(item)) {
        findings.note('lost', `${sight.reader} does not show how message ${item.id} changed: ${JSON.stringify(item)}`)
      }
    }
  }
  // The page that is open goes on.
  reader.pages = reader.pages.slice(-1)
}

function report(findings: Findings, who: string, { lost, twice, disordered, foreign }: ReturnType<typeof compare>) {
  const counts = [
    ['lost', lost, 'did not get'],
    ['twice', twice, 'got again'],
    ['out of order', disordered, 'got out of order'],
    ['wrong', foreign, 'got what is not there:'],
  ] as const
  for (const [kind, ids, words] of counts) {
    if (ids.length > 0) {
      findings.note(kind, `${who} ${words} ${ids.length}: ${ids.slice(0, 3).join(', ')}`, ids.length)
    }
  }
}
