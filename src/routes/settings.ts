import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { botsOf } from '../db/bots.js'
import { type Chat, findChat } from '../db/chats.js'
import { deleteChat } from '../db/deleted-chats.js'
import { heirsOf } from '../db/owners.js'
import { changeChat } from '../db/settings.js'
import { shareUrl } from '../http/address.js'
import { settingsOf } from '../http/answers.js'
import type { Fields, Parts, RouteContext, State } from '../http/context.js'
import { asText } from '../http/fields.js'
import { read } from '../http/input.js'
import { settingsJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect, respond, showPage } from '../http/respond.js'
import { changedSettings, KEPT_DAYS, keptDays, LINK_LIVES, settingsForm, typedName } from '../http/schemas.js'
import type { BotKeys, SettingsValues } from '../http/settings-values.js'
import { submitForm } from './forms.js'
import { acting, chatPath, EXACT, limit, type MemberChat, requireDone, requireOwner } from './scope.js'

/** The settings page after a change was saved. */
export const savedPath = (uri: string) => `${chatPath(uri)}/settings?saved`

/** A chat's settings, and its deletion, by its owner. */
export function settings(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri' })
  const getting = mark({
    operation: {
      id: 'getSettings',
      does: 'The settings of a chat',
      who: 'owner',
      scope: 'read',
      answers: { 200: settingsOf },
    },
  })
  router.get('/settings', getting, async ctx => {
    const chat = await requireOwner(parts, ctx)
    const show = () => showSettings(parts, ctx, chat)
    await respond(ctx, { page: show, fragment: show, json: () => settingsJson(chat) })
  })
  const changing = mark({
    rate: 'changes',
    body: changedSettings,
    operation: {
      id: 'changeSettings',
      does: 'Change the settings of a chat',
      who: 'owner',
      scope: 'manage',
      answers: { 200: settingsOf },
      example: { title: 'Release party', read_only: false },
    },
  })
  router.patch('/settings', changing, change)
  router.post('/settings', changing, change)
  const removing = mark({
    rate: 'changes',
    body: typedName,
    operation: {
      id: 'deleteChat',
      does: 'Delete a chat for everybody, by its name',
      who: 'owner',
      scope: 'manage',
      answers: { 204: null },
      problems: ['wrong_name'],
      example: { name: 'Release party' },
    },
  })
  router.delete('/', removing, remove)
  router.post('/deletion', removing, remove)
  return router

  async function change(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    await onSettingsPage(parts, ctx, chat, async () => {
      limit(parts, ctx)
      const schema = ctx.state.form === 'json' ? changedSettings : settingsForm
      await changeSettings(parts, ctx, chat, schema, settingsJson)
    })
  }

  async function remove(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    await onSettingsPage(parts, ctx, chat, async () => {
      limit(parts, ctx)
      const { name } = read(ctx, typedName)
      requireDone(parts, ctx, chat, await deleteChat(db, acting(chat), name))
      parts.live.deleted(chat.id)
      await redirect(ctx, '/')
    })
  }
}

/** Changes the settings that were sent. Programs get the chat as `json` shows it then. */
export async function changeSettings(
  parts: Parts,
  ctx: RouteContext,
  chat: MemberChat,
  schema: typeof changedSettings | typeof settingsForm,
  json: (chat: Chat) => object,
) {
  const { db } = parts
  requireDone(parts, ctx, chat, await changeChat(db, acting(chat), read(ctx, schema)))
  await redirect(ctx, savedPath(chat.current_uri), async () =>
    json((await findChat(db, chat.uri, chat.user.id)) ?? chat),
  )
}

/** The name that pages show for a chat. It is also what its owner types to delete it. */
export function chatName({ title, owner_name }: { title: string | null; owner_name: string }): string {
  return title ?? `Chat started by ${owner_name}`
}

interface Refused {
  errors: SettingsValues['errors']
  /** What was typed into the form that was refused. */
  typed: Partial<SettingsValues['values']>
}

/** Shows the page. `made`: keys of a bot, which are shown this once. */
export async function showSettings(
  parts: Parts,
  ctx: RouteContext,
  chat: MemberChat,
  refused?: Refused,
  made: BotKeys | null = null,
) {
  const { title, kept_days, kept_days_at_most, ...settings } = settingsJson(chat)
  const values = {
    title: title ?? '',
    name: '',
    bot_name: '',
    kept_days: chat.days_by_owner === null ? null : kept_days,
    ...settings,
    ...refused?.typed,
  }
  showPage(parts, ctx, 'settings/show.njk', {
    chat,
    name: chatName(chat),
    heirs: await heirsOf(parts.db, acting(chat), LIMITS.heirsOnPage),
    share_url: shareUrl(ctx, parts.config, chatPath(chat.current_uri)),
    lives: LINK_LIVES,
    bots: await botsOf(parts.db, chat.id),
    made,
    saved: ctx.query.saved !== undefined && !refused,
    spans: spansUpTo(kept_days_at_most, values.kept_days),
    values,
    errors: refused?.errors ?? {},
  })
}

/** What the page offers, with what was chosen elsewhere, in order. */
function spansUpTo(most: number | null, chosen: number | null): number[] {
  const offered = KEPT_DAYS.filter(days => days <= (most ?? LIMITS.keptDays))
  return [...new Set([...offered, ...(chosen === null ? [] : [chosen])])].sort((a, b) => a - b)
}

/** Submits one of the page's forms. Where that is refused, the page comes back with the reason and what was typed. */
export async function onSettingsPage(parts: Parts, ctx: RouteContext, chat: MemberChat, submit: () => Promise<void>) {
  await submitForm(parts, ctx, submit, refusal =>
    showSettings(parts, ctx, chat, {
      errors: refusal.errors ?? { non_field_errors: [refusal.message] },
      typed: typedInto(ctx.state.fields ?? {}),
    }),
  )
}

/** Browsers do not send boxes that are not ticked. The form that has the title is the one that has the boxes. */
function typedInto(fields: Fields) {
  const boxes = { read_only: 'read_only' in fields, joins_closed: 'joins_closed' in fields, guests: 'guests' in fields }
  return {
    ...('title' in fields ? { title: asText(fields.title), ...boxes } : {}),
    ...('kept_days' in fields ? { kept_days: keptDays.safeParse(fields.kept_days).data ?? null } : {}),
    ...('name' in fields ? { name: asText(fields.name) } : {}),
  }
}
