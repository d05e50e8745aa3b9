import { requireStill } from '../http/authentication.js'
import type { Parts, RouteContext } from '../http/context.js'
import { WaitingStream } from '../live/waiting-stream.js'
import { admit } from './readers.js'
import { type ReadingMember, requireReading } from './scope.js'

/**
 * Waits until there is something new in the chat, for so many seconds at most, and reads it again for the same reader. Counts as an open
 * stream meanwhile. Throws 401 or 404 where they may not read any more, and 503 where too many streams are open.
 */
export async function awaitNews(
  parts: Parts,
  ctx: RouteContext,
  reading: ReadingMember,
  seconds: number,
): Promise<ReadingMember> {
  const stream = new WaitingStream(admit(parts, ctx, reading), reading.feed)
  const stop = () => stream.drop()
  const timer = setTimeout(stop, seconds * 1000)
  ctx.res.once('close', stop)
  parts.live.run(stream, reading.feed.version)
  await stream.over
  clearTimeout(timer)
  ctx.res.off('close', stop)
  await requireStill(parts, stream.reader.credential)
  return requireReading(parts, ctx)
}
