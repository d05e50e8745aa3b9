import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { openStream } from './readers.js'
import type { Program } from './visitor.js'

/** What a reader of all their chats was told of one of them. */
export interface Heard {
  uri: string
  event: string
  version: number
  reason?: string
}

type Item = Heard & { cursor: string }

const some = (most: number) => Math.floor(Math.random() * most)

/** Reads all chats of a user from a cursor on, from one process or another, and is cut off at random until it is told to be calm. */
export abstract class AllReader {
  readonly heard: Heard[] = []
  cuts = 0
  calm = false
  protected cursor: string
  protected readonly headers: Record<string, string>
  private readonly urls: readonly string[]
  private stopped = false
  private leave = () => {}
  private running: Promise<void> | undefined

  constructor(urls: readonly string[], { token }: Program, cursor: string) {
    this.urls = urls
    this.headers = { authorization: `Token ${token}` }
    this.cursor = cursor
  }

  follow(): this {
    this.running = this.run()
    return this
  }

  /** Rejects where it was refused. */
  async stop() {
    this.stopped = true
    this.leave()
    await this.running
  }

  private async run() {
    while (!this.stopped) {
      const url = this.urls[some(this.urls.length)] as string
      const answer = this.read(url, call => {
        this.leave = call
        if (this.stopped) {
          call()
        }
      })
      const timer = this.calm ? undefined : setTimeout(() => this.cut(), some(300))
      try {
        await answer
      } finally {
        clearTimeout(timer)
      }
    }
  }

  private cut() {
    this.cuts++
    this.leave()
  }

  /** Reads once. `leaving` is given what cuts it. Rejects where it is refused for good. */
  protected abstract read(url: string, leaving: (cut: () => void) => void): Promise<void>

  protected take({ cursor, uri, event, version, reason }: Item) {
    this.cursor = cursor
    this.heard.push({ uri, event, version, ...(reason ? { reason } : {}) })
  }
}

/** Reads server-sent events. It comes back with the id of the last one, or of the last sign of life. */
export class AllStreamReader extends AllReader {
  protected override async read(url: string, leaving: (cut: () => void) => void) {
    let rest = ''
    let left = false
    leaving(() => {
      left = true
    })
    const headers = { ...this.headers, 'last-event-id': this.cursor }
    const stream = await openStream(`${url}/api/live/`, headers, text => {
      const frames = (rest + text).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of left ? [] : frames) {
        const [, id] = /^id: (.*)$/m.exec(frame) ?? []
        const [, data] = /^data: (.*)$/m.exec(frame) ?? []
        const told = data === undefined ? undefined : JSON.parse(data)
        if (told?.uri) {
          this.take(told)
        } else if (id) {
          this.cursor = id
        }
      }
    })
    const cut = () => {
      left = true
      stream.cut()
    }
    leaving(cut)
    if (left) {
      cut()
    }
    await stream.over
    if (![200, 503].includes(stream.status)) {
      throw new Error(`${stream.status} ${stream.text}`)
    }
  }
}

/** Asks for events and waits for them, a few at once or many. */
export class AllPollReader extends AllReader {
  protected override async read(url: string, leaving: (cut: () => void) => void) {
    const abort = new AbortController()
    leaving(() => abort.abort())
    const query = `after=${this.cursor}&wait=1&limit=${some(2) ? 1000 : 1 + some(5)}`
    try {
      const answer = await fetch(`${url}/api/events/?${query}`, { headers: this.headers, signal: abort.signal })
      const body = await answer.json()
      if (answer.status === 200) {
        const { items, cursor } = body as { items: Item[]; cursor: string }
        for (const item of items) {
          this.take(item)
        }
        this.cursor = cursor
      } else if (answer.status !== 503) {
        throw new Error(`${answer.status} ${JSON.stringify(body)}`)
      }
    } catch (error) {
      if (!abort.signal.aborted) {
        throw error
      }
    }
    await wait(20)
  }
}

/** One stay of a user in a chat, by the versions of its first event that they may read and of the one behind the last. */
interface Stay {
  from: number
  upto: number
  /** How it ended; undefined while it lasts. */
  end: string | undefined
}

/** Of a user and a chat, as the database has it: all versions, and the stays since the reader began. */
interface Known {
  uri: string
  versions: number[]
  stays: Stay[]
}

/** What the database knows that a reader who began at these versions of chats has to be told, and may be told. */
export async function knownTo(db: pg.Pool, user_id: number, begun: ReadonlyMap<string, number>): Promise<Known[]> {
  const { rows } = await db.query<Known & { changes: { kind: string; version: number }[] | null }>(
    `select l.uri,
       (select array_agg(e.version::int order by e.version) from events e where e.chat_id = l.chat_id) as versions,
       (select json_agg(json_build_object('kind', x.kind, 'version', x.version) order by x.version, x.xid)
        from membership_changes x where x.chat_id = l.chat_id and x.user_id = $1) as changes
     from links l`,
    [user_id],
  )
  return rows.flatMap(({ uri, versions, changes }) => {
    const start = begun.get(uri) ?? 0
    const stays: Stay[] = []
    for (const { kind, version } of changes ?? []) {
      if (kind === 'joined') {
        stays.push({ from: Math.max(version, start + 1), upto: Number.POSITIVE_INFINITY, end: undefined })
      } else {
        Object.assign(stays.at(-1) ?? {}, { upto: version, end: kind })
      }
    }
    const since = stays.filter(({ end, upto }) => end === undefined || upto > start)
    return since.length > 0 ? [{ uri, versions, stays: since }] : []
  })
}

/** How far a reader has been told: in which stay, and its last event; of the stay before it, that it is over. */
interface Way {
  place: number
  last: number | undefined
}

/**
 * What is wrong with what a reader of the chat was told. A stay may be told in part, or not at all, if it was over before the reader came; but
 * what is told of it begins with its first event and has no gap. The last stay is told to its end: all of it, or that it is over. That
 * somebody has left says not which time: so it may be any of them, and each is followed.
 */
export function faultOf(known: Known, heard: readonly Heard[]): string | undefined {
  let ways: Way[] = [{ place: 0, last: undefined }]
  for (const one of heard) {
    const further = ways.flatMap(way => goOn(known, way, one))
    const [fault] = further
    ways = further.filter(way => typeof way !== 'string')
    if (ways.length === 0) {
      return String(fault)
    }
  }
  const [lacks, ...others] = ways.map(way => lackOf(known, way))
  return others.includes(undefined) ? undefined : lacks
}

/** The ways on which that may come, or what is wrong where there is none. */
function goOn({ versions, stays }: Known, { place, last }: Way, { event, version, reason }: Heard): (Way | string)[] {
  if (event === 'gone') {
    const ways = stays.flatMap(({ end }, n) =>
      n >= place && end === reason ? [{ place: n + 1, last: undefined }] : [],
    )
    return ways.length > 0 ? ways : [`gone, ${reason}, and it was not`]
  }
  const stay = stays.findIndex(({ from, upto }, n) => n >= place && version >= from && version < upto)
  if (stay < 0) {
    return [`${version} is not for this reader, or not any more`]
  }
  const { from } = stays[stay] as Stay
  const before = stay === place ? last : undefined
  const next = versions.find(one => (before === undefined ? one >= from : one > before))
  return version === next ? [{ place: stay, last: version }] : [`${version} came where ${next} was due`]
}

function lackOf({ versions, stays }: Known, { place, last }: Way): string | undefined {
  const { end, from } = stays.at(-1) as Stay
  if (end !== undefined) {
    return place === stays.length ? undefined : `lacks that it is ${end}`
  }
  const due = versions.filter(version => version >= from).at(-1)
  return due === undefined || (place === stays.length - 1 && last === due) ? undefined : `lacks ${due} behind ${last}`
}
