import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { ImportMoved, stoppedImport } from '../db/imports.js'
import { invalid, Refusal, unavailable } from '../errors.js'
import { absolute } from '../http/address.js'
import { importedChat } from '../http/answers.js'
import { requireAccount } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { asText } from '../http/fields.js'
import { BadFile, itemsOf, linesOf } from '../http/import-file.js'
import { type Imported, importChat, OtherFile } from '../http/importing.js'
import { read, readQuery, takeKey } from '../http/input.js'
import { mark } from '../http/marks.js'
import { redirect, respondPage, showPage } from '../http/respond.js'
import { importForm, importQuery } from '../http/schemas.js'
import { randomKey } from '../keys.js'
import { submitForm } from './forms.js'
import { chatPath, EXACT, limit, limitChats } from './scope.js'

/** New chats from files of others. */
export function imports(parts: Parts) {
  const { db } = parts
  /** Whose imports this process runs. */
  const running = new Set<number>()
  const router = new Router<State>({ ...EXACT, prefix: '/imports' })

  router.get('/', mark({ forPages: true }), async ctx => {
    const { id } = requireAccount(ctx)
    const stopped = ctx.query.new === undefined ? await stoppedImport(db, id) : undefined
    await respondPage(ctx, () => showForm(ctx, { key: stopped?.key, stopped: stopped?.lines ?? null }))
  })

  const importing = mark({
    rate: 'imports',
    upload: true,
    body: importForm,
    query: importQuery,
    operation: {
      id: 'importChat',
      does: 'Make a new chat of an export, as NDJSON or JSON: with an Idempotency-Key it goes on where it was stopped',
      who: 'account',
      scope: 'manage',
      takes: ['Idempotency-Key'],
      files: ['application/x-ndjson', 'application/json'],
      answers: { 201: importedChat, 200: importedChat },
      problems: ['bad_file', 'other_file', 'too_many_imports', 'chat_busy'],
    },
  })
  router.post('/', importing, async ctx => {
    const user = requireAccount(ctx)
    const upload = async () => {
      limit(parts, ctx)
      takeKey(ctx)
      const { key, title } = {
        ...read(ctx, importForm),
        ...(ctx.state.form === 'json' ? readQuery(ctx, importQuery) : {}),
      }
      const imported = await run(ctx, user.id, key || randomKey(16), title || null)
      await redirect(ctx, chatPath(imported.uri), () => {
        ctx.status = imported.messages === undefined ? 200 : 201
        ctx.set('Location', absolute(parts, ctx, `/api/chats/${imported.uri}/`))
        return { status: 'SUCCESS', uri: imported.uri, messages: imported.messages ?? null }
      })
    }
    await submitForm(parts, ctx, upload, ({ message: sentence }) =>
      showForm(ctx, { sentence, key: asText(ctx.state.fields?.key), title: asText(ctx.state.fields?.title) }),
    )
  })

  return router

  async function run(ctx: RouteContext, user_id: number, key: string, title: string | null): Promise<Imported> {
    const { upload, user } = ctx.state
    if (!upload || !user) {
      throw invalid('bad_file', 'file', 'Choose a file to import.')
    }
    if (running.has(user_id) || running.size >= LIMITS.importsAtOnce) {
      throw unavailable('too_many_imports', 'An import is running already. Please wait until it is done.', 10)
    }
    running.add(user_id)
    try {
      await limitChats(parts, ctx, user)
      const items = (upload.isDocument ? itemsOf : linesOf)(upload.bytes)
      const imported = await importChat(db, items, { user_id, key, title })
      parts.live.chatLists.changed(user_id, imported.chat_id)
      return imported
    } catch (error) {
      throw refusalOf(error)
    } finally {
      running.delete(user_id)
    }
  }

  function showForm(
    ctx: RouteContext,
    {
      key,
      stopped = null,
      title = '',
      sentence = '',
    }: { key?: string | undefined; stopped?: number | null; title?: string; sentence?: string },
  ) {
    showPage(parts, ctx, 'imports/new.njk', { key: key || randomKey(16), stopped, title, sentence })
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof BadFile) {
    const { message: sentence, line } = error
    return new Refusal('bad_file', sentence, {
      faults: [{ field: 'file', code: 'bad_file', sentence }],
      extra: { line },
    })
  }
  if (error instanceof OtherFile) {
    return invalid(
      'other_file',
      'file',
      'This is another file than the one that was begun. Send that one again, or start anew with another key.',
    )
  }
  return error instanceof ImportMoved
    ? unavailable('too_many_imports', 'The same import is running already. Please wait until it is done.', 10)
    : error
}
