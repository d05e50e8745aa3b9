import { setTimeout as wait } from 'node:timers/promises'
import pLimit from 'p-limit'
import { CursorGone, type Happening, happeningsAfter, type Page } from '../db/all-chats.js'
import type { Db } from '../db/schema.js'
import { inSlice } from '../slices.js'
import type { Stream } from './stream.js'
import type { Position, Told } from './told.js'
import type { WatchedChats } from './watched-chats.js'

/** How many events are read at once, and about how many bytes are written at once, and must be taken in at once. */
const PAGE = 200
const BYTES_AT_MOST = 128 * 1024

/**
 * Between two readings of one stream, in milliseconds: what happens meanwhile is read together. Where a reading takes long, as the reader has
 * very many chats, the pause is so many times as long, up to an end: nobody reads much later than others.
 */
const GATHER = 10
const TIMES = 4
const PAUSE_AT_MOST = 2000

/** Readings at the same time: posts come before them. */
const AT_ONCE = 4

const DAY = 86_400_000

const queue = pLimit(AT_ONCE)

/**
 * Tells the stream everything that happens in all chats of its user, from the position on, until it is over. A cursor that is gone ends it:
 * the reader is told so when they come back. Throws the database's error.
 */
export async function followAll(
  db: Db,
  watched: WatchedChats,
  stream: Stream,
  position: Position,
  asTold: (happening: Happening) => Told,
) {
  const watch = await watched.watch(stream.user_id)
  stream.whenOver(() => watch.close())
  while (!watch.closed) {
    watch.begin()
    let askedAt = 0
    const page = await queue(() => {
      askedAt = performance.now()
      return happeningsAfter(db, stream.user_id, position.cursor, PAGE)
    }).catch(error => {
      if (error instanceof CursorGone) {
        stream.end('restart')
      } else {
        throw error
      }
    })
    if (!page || watch.closed) {
      return
    }
    const took = performance.now() - askedAt
    await tell(stream, position, page.happenings, asTold)
    position.cursor = page.cursor
    if (!page.more) {
      await wait(Math.min(Math.max(GATHER, took * TIMES), PAUSE_AT_MOST))
      // Nothing has happened since, so the same snapshot does, and is as good as one of today.
      await watch.wait(() => {
        const { day } = page.cursor
        position.cursor = { ...page.cursor, day: day + Math.floor((performance.now() - askedAt) / DAY) }
      })
    }
  }
}

/** The first page with something in it, or the last empty one once the stream is over. Throws what `read` throws, and the database's error. */
export async function firstPage(watched: WatchedChats, stream: Stream, read: () => Promise<Page>): Promise<Page> {
  const watch = await watched.watch(stream.user_id)
  stream.whenOver(() => watch.close())
  for (;;) {
    watch.begin()
    const page = await queue(read)
    if (page.happenings.length > 0 || page.more || watch.closed) {
      return page
    }
    await watch.wait(() => {})
  }
}

async function tell(
  stream: Stream,
  position: Position,
  happenings: readonly Happening[],
  asTold: (happening: Happening) => Told,
) {
  let batch: Told[] = []
  let bytes = 0
  for (const happening of happenings) {
    await inSlice()
    const told = asTold(happening)
    batch.push(told)
    bytes += told.json.length
    if (bytes > BYTES_AT_MOST) {
      await stream.tell(batch)
      position.cursor = happening.cursor
      batch = []
      bytes = 0
    }
  }
  if (batch.length > 0) {
    await stream.tell(batch)
  }
}
