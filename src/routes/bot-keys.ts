import Router from '@koa/router'
import { botsOf, replaceBotToken, setHook } from '../db/bots.js'
import { notFound } from '../errors.js'
import { absolute } from '../http/address.js'
import { madeToken } from '../http/answers.js'
import { hookAddress } from '../http/bot-answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { readId } from '../http/input.js'
import { mark } from '../http/marks.js'
import { redirect, respond } from '../http/respond.js'
import type { BotKeys } from '../http/settings-values.js'
import { keyHash, tokenKey } from '../keys.js'
import { acting, EXACT, limit, requireOwner } from './scope.js'
import { savedPath, showSettings } from './settings.js'

const ofOwner = { who: 'owner', scope: 'manage' } as const

const RENEWING = mark({
  rate: 'changes',
  operation: {
    id: 'replaceBotToken',
    does: 'Give a bot another token: the one of before ends',
    ...ofOwner,
    answers: { 200: madeToken },
  },
})

const HOOKING = mark({
  rate: 'changes',
  operation: {
    id: 'replaceHook',
    does: 'Give a bot another address for its incoming hook: the one of before ends',
    ...ofOwner,
    answers: { 200: hookAddress },
  },
})

const UNHOOKING = mark({
  rate: 'changes',
  operation: { id: 'revokeHook', does: 'Revoke the incoming hook of a bot', ...ofOwner, answers: { 204: null } },
})

/** The token and the incoming hook of a bot, by the chat's owner. */
export function botKeys(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/bots/:id' })
  router.put('/token', RENEWING, replaceToken)
  router.post('/token', RENEWING, replaceToken)
  router.put('/hook', HOOKING, replaceHook)
  router.post('/hook', HOOKING, replaceHook)
  router.delete('/hook', UNHOOKING, revokeHook)
  router.post('/hook/removal', UNHOOKING, revokeHook)
  return router

  async function replaceToken(ctx: RouteContext) {
    const { chat, bot } = await requireBot(parts, ctx)
    const auth_token = tokenKey()
    if (!(await replaceBotToken(db, acting(chat), bot.id, keyHash(auth_token)))) {
      throw notFound()
    }
    live.ended(bot.id)
    await showBotKeys(parts, ctx, { name: bot.name, auth_token, hook_url: null })
  }

  async function replaceHook(ctx: RouteContext) {
    const { chat, bot } = await requireBot(parts, ctx)
    const key = tokenKey()
    if (!(await setHook(db, acting(chat), bot.id, keyHash(key)))) {
      throw notFound()
    }
    await showBotKeys(parts, ctx, { name: bot.name, auth_token: null, hook_url: hookUrl(parts, ctx, key) })
  }

  async function revokeHook(ctx: RouteContext) {
    const { chat, bot } = await requireBot(parts, ctx)
    if (!(await setHook(db, acting(chat), bot.id, null))) {
      throw notFound()
    }
    await redirect(ctx, savedPath(chat.current_uri))
  }
}

/** The bot of the path. Counts the request. */
export async function requireBot(parts: Parts, ctx: RouteContext) {
  const chat = await requireOwner(parts, ctx)
  limit(parts, ctx)
  const id = readId(ctx.params.id)
  const bot = (await botsOf(parts.db, chat.id)).find(bot => bot.id === id)
  if (!bot) {
    throw notFound()
  }
  return { chat, bot }
}

/** Shows keys this once: the database has hashes of them. `more`: what a program gets besides, for a bot that is new. */
export async function showBotKeys(parts: Parts, ctx: RouteContext, made: BotKeys, more?: object) {
  // Read again: the chat has a member more.
  const page = async () => showSettings(parts, ctx, await requireOwner(parts, ctx), undefined, made)
  const { name, ...keys } = made
  const given = Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== null))
  await respond(ctx, {
    page,
    fragment: page,
    json: () => {
      ctx.status = more ? 201 : 200
      return more ? { ...more, name, ...given } : given
    },
  })
}

export function hookUrl(parts: Parts, ctx: RouteContext, key: string): string {
  return absolute(parts, ctx, `/hooks/${key}`)
}
