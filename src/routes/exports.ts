import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import Router from '@koa/router'
import pLimit from 'p-limit'
import { LIMITS } from '../config.js'
import { sizeOf } from '../db/exports.js'
import { invalid, notFound, unavailable } from '../errors.js'
import { absolute } from '../http/address.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { exportedFile, exports as exportsAnswer } from '../http/export-answers.js'
import { type Exported, FORMAT_NAMES, FORMATS, type FormatName } from '../http/export-formats.js'
import { exportChat, Gone } from '../http/exporting.js'
import { readQuery } from '../http/input.js'
import { isReadersFault } from '../http/malformed.js'
import { mark } from '../http/marks.js'
import { logFailure } from '../http/request-log.js'
import { respond, showFragment, showPage } from '../http/respond.js'
import { exportQuery } from '../http/schemas.js'
import { SILENCE } from '../http/unsent.js'
import { type Running, RunningExports } from './running-exports.js'
import { EXACT, limit, type MemberChat, requireCursor, requireMember, requireReading } from './scope.js'
import { chatName } from './settings.js'

/** A chat as a file, for its members. */
export function exports(parts: Parts) {
  const { db } = parts
  const running = new RunningExports()
  const queue = pLimit(LIMITS.exportReads)
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/exports' })

  const listing = mark({
    poll: true,
    operation: {
      id: 'listExports',
      does: 'The formats in which a chat can be exported',
      who: 'member',
      scope: 'read',
      answers: { 200: exportsAnswer },
    },
  })
  router.get('/', listing, async ctx => {
    const chat = await requireMember(parts, ctx)
    const own = running.of(chat.user.id, chat.id)
    await respond(ctx, {
      page: () => showFormats(ctx, chat, own),
      fragment: () => showFragment(parts, ctx, 'exports/_running.njk', { chat, running: own.map(partDone) }),
      json: () => ({
        version: chat.version,
        items: FORMAT_NAMES.map(format => ({
          format,
          url: absolute(parts, ctx, `/api/chats/${chat.current_uri}/exports/${format}/`),
        })),
        running: own.map(({ format, version, until }) => ({ format, version, until })),
      }),
    })
  })

  const exporting = mark({
    rate: 'exports',
    query: exportQuery,
    operation: {
      id: 'exportChat',
      does: 'A chat as a file: all of it, or the versions after one and up to another',
      who: 'member',
      scope: 'read',
      answers: { 200: exportedFile },
      types: FORMAT_NAMES.map(name => FORMATS[name].type),
      problems: ['cursor_ahead', 'too_many_exports', 'restarting'],
    },
  })
  router.get('/:format', exporting, async ctx => {
    const chat = await requireMember(parts, ctx)
    const format = FORMAT_NAMES.find(name => name === ctx.params.format)
    if (!format) {
      throw notFound()
    }
    limit(parts, ctx)
    const exported = await readPart(ctx, chat, format)
    ctx.status = 200
    ctx.set('Content-Type', `${FORMATS[format].type}; charset=utf-8`)
    ctx.set('Content-Disposition', `attachment; filename="chat-${new Date().toISOString().slice(0, 10)}.${format}"`)
    // Otherwise nginx keeps it in a buffer, and knows no slow reader.
    ctx.set('X-Accel-Buffering', 'no')
    if (ctx.method !== 'HEAD') {
      const started = begin(chat, format, exported)
      ctx.state.openStream = () => void send(ctx, chat, exported, started)
    }
  })

  return router

  async function showFormats(ctx: RouteContext, chat: MemberChat, own: readonly Running[]) {
    const { events, bytes } = await sizeOf(db, chat.id, LIMITS.eventsCounted)
    showPage(parts, ctx, 'exports/show.njk', {
      chat,
      name: chatName(chat),
      formats: FORMAT_NAMES.map(format => ({ format, words: FORMATS[format].words })),
      events: events < LIMITS.eventsCounted ? events : null,
      size: bytesInWords(bytes),
      running: own.map(partDone),
    })
  }

  /** The part that is asked for. Throws 410 for versions that the chat does not have, and 422 where the format has no parts. */
  async function readPart(ctx: RouteContext, chat: MemberChat, format: FormatName): Promise<Exported> {
    const { after = 0, until } = readQuery(ctx, exportQuery)
    for (const [field, version] of Object.entries({ after, until: until ?? 0 })) {
      if (version > 0 && !FORMATS[format].hasParts) {
        const sentence = `An export as ${format} is always whole. Ask for ndjson, csv or txt, or leave ${field} out.`
        throw invalid('invalid_input', field, sentence)
      }
    }
    const reading = await requireReading(parts, ctx)
    await requireCursor(parts, ctx, reading, until ?? 0)
    return {
      title: chat.title,
      name: chatName(chat),
      owner: { id: chat.owner_id, username: chat.owner_username, name: chat.owner_name },
      created_at: chat.created_at,
      after: await requireCursor(parts, ctx, reading, after),
      until: until ?? chat.version,
    }
  }

  /** Throws 503 where the user, or all of them, have too many exports running, and while the server stops. */
  function begin(chat: MemberChat, format: FormatName, { after, until }: Exported): Running {
    if (parts.live.streams.closed) {
      throw unavailable('restarting', 'The chat is being restarted. Please try again in a few seconds.', 5)
    }
    const started = running.begin(
      { user_id: chat.user.id, chat_id: chat.id, format, after, until },
      parts.config.limited,
    )
    if (!started) {
      throw unavailable('too_many_exports', 'Other exports are still running. Please wait until one is done.', 10)
    }
    return started
  }

  /** Writes the export as fast as its reader takes it. A reader who takes nothing for a while is cut off. */
  async function send(ctx: RouteContext, chat: MemberChat, exported: Exported, started: Running) {
    const { user, id: chat_id } = chat
    const { credential } = ctx.state
    const pieces = exportChat(db, {
      chat_id,
      user_id: user.id,
      format: started.format,
      exported,
      turn: read => queue(read),
      async before() {
        if (parts.live.streams.closed) {
          throw new Gone('restart')
        }
        if (!credential || !(await parts.live.identify(credential))) {
          throw new Gone('signed_out')
        }
      },
      reached: version => {
        started.version = version
      },
    })
    ctx.req.socket.setTimeout(SILENCE)
    try {
      await pipeline(Readable.from(pieces, { objectMode: false, highWaterMark: 64 * 1024 }), ctx.res)
    } catch (error) {
      // The connection is cut then, so that nobody takes the part for the whole.
      if (!isReadersFault(error as NodeJS.ErrnoException)) {
        logFailure(parts, error, 'An export was cut off')
      }
    } finally {
      running.end(started)
    }
  }
}

function partDone({ format, after, version, until }: Running) {
  return { format, done: Math.floor((100 * (version - after)) / Math.max(1, until - after)) }
}

function bytesInWords(bytes: number): string {
  if (bytes < 1000) {
    return 'less than 1 kB'
  }
  return bytes < 1e6 ? `about ${Math.round(bytes / 1000)} kB` : `about ${(bytes / 1e6).toFixed(1)} MB`
}
