import { performance } from 'node:perf_hooks'
import type { Chat } from './chats.js'
import type { Findings } from './findings.js'

/** A message or an aside, as a reader got it. */
export interface Item {
  id: number
  /** Null of an aside. */
  text: string | null
  deleted: boolean
  reactions: string
}

/** What one answer or one event brought: everything from a version (without it) to another. */
export interface Span {
  from: number
  to: number
  items: Item[]
}

/** By how many milliseconds a reader may be behind the first reader of its chat: more than it takes where the machine has ten times too much to do. */
export const LATE = 10_000

/** What one reader has got of one chat since the last audit. */
export class Sight {
  readonly chat: Chat
  readonly reader: string
  spans: Span[] = []
  /** The version that its reader goes on from. */
  cursor: number
  /** The reader's id, where they leave the chat and come back. */
  wanderer: number | undefined
  private readonly findings: Findings

  constructor(reader: string, chat: Chat, findings: Findings) {
    this.reader = `${reader} of chat ${chat.number}`
    this.chat = chat
    this.cursor = chat.audited
    this.findings = findings
  }

  take(span: Span) {
    this.spans.push(span)
    this.cursor = span.to
    this.arrived(span.to)
  }

  /** Compares the time with that of the first reader who got the version. */
  arrived(version: number) {
    const now = performance.now()
    const first = this.chat.firstSeen.get(version)
    if (first === undefined) {
      this.chat.firstSeen.set(version, now)
    } else if (now - first > LATE && !this.findings.troubled) {
      this.findings.note('late', `${this.reader} got ${version} ${Math.round(now - first)} ms after another reader`)
    }
  }
}

/**
 * Says how what came differs from what should have come: what is missing, what came again, and what came after something that
 * belongs behind it. `expected` is in order, each once.
 */
export function compare(expected: readonly number[], got: readonly number[]) {
  const wanted = new Set(expected)
  const seen = new Set<number>()
  const difference: Record<'lost' | 'twice' | 'disordered' | 'foreign', number[]> = {
    lost: [],
    twice: [],
    disordered: [],
    foreign: [],
  }
  let last = Number.NEGATIVE_INFINITY
  const place = new Map(expected.map((id, n) => [id, n]))
  for (const id of got) {
    if (!wanted.has(id)) {
      difference.foreign.push(id)
    } else if (seen.has(id)) {
      difference.twice.push(id)
    } else {
      seen.add(id)
      const at = place.get(id) ?? 0
      if (at < last) {
        difference.disordered.push(id)
      }
      last = Math.max(last, at)
    }
  }
  difference.lost = [...wanted].filter(id => !seen.has(id))
  return difference
}
