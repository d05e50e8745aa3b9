import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { botsOf, createBot, replaceBotToken, setHook } from '../db/bots.js'
import { removeMember } from '../db/members.js'
import { invalid, looksTaken, notFound, Refusal } from '../errors.js'
import { newBot } from '../http/account-schemas.js'
import { absolute } from '../http/address.js'
import { madeToken } from '../http/answers.js'
import { botList, hookAddress, newBotMade } from '../http/bot-answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { asText } from '../http/fields.js'
import { read, readId } from '../http/input.js'
import { botJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect, respond } from '../http/respond.js'
import type { BotKeys } from '../http/settings-values.js'
import { keyHash, tokenKey } from '../keys.js'
import { submitForm } from './forms.js'
import { acting, EXACT, limit, requireDone, requireOwner } from './scope.js'
import { savedPath, showSettings } from './settings.js'

/** The bots of a chat, by its owner: each is a member, with a token and an incoming hook of its own. */
export function bots(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/bots' })
  const ofOwner = { who: 'owner', scope: 'manage' } as const

  const listing = mark({
    operation: {
      id: 'listBots',
      does: 'List the bots of a chat',
      who: 'owner',
      scope: 'read',
      answers: { 200: botList },
    },
  })
  router.get('/', listing, async ctx => {
    const chat = await requireOwner(parts, ctx)
    await redirect(ctx, `/chats/${chat.current_uri}/settings`, async () => ({
      items: (await botsOf(db, chat.id)).map(botJson),
      next: null,
      prev: null,
    }))
  })

  const making = mark({
    rate: 'changes',
    body: newBot,
    operation: {
      id: 'makeBot',
      does: 'Make a bot: a member of the chat, with a token and an incoming hook',
      ...ofOwner,
      answers: { 201: newBotMade },
      problems: ['name_taken', 'name_alike', 'too_many_bots'],
      example: { name: 'deploy' },
    },
  })
  router.post('/', making, async ctx => {
    const chat = await requireOwner(parts, ctx)
    const make = async () => {
      limit(parts, ctx)
      const { name } = read(ctx, newBot)
      const [auth_token, hook] = [tokenKey(), tokenKey()]
      const hashes = { key_hash: keyHash(auth_token), hook_hash: keyHash(hook) }
      const made = await createBot(db, acting(chat), { name, ...hashes })
      switch (made.outcome) {
        case 'done':
          requireDone(parts, ctx, chat, made)
          await showMade(ctx, { name, auth_token, hook_url: hookUrl(ctx, hook) }, { id: made.id, kind: 'bot' })
          return
        case 'taken':
          throw invalid('name_taken', 'name', 'Somebody has that name. Please choose another.')
        case 'lookalike':
          throw looksTaken('name')
        case 'too many':
          throw new Refusal(
            'too_many_bots',
            `This chat has ${LIMITS.botsPerChat} bots. Remove one that you do not need.`,
          )
        default:
          requireDone(parts, ctx, chat, { outcome: made.outcome, version: null })
      }
    }
    await submitForm(parts, ctx, make, ({ errors, message }) =>
      showSettings(parts, ctx, chat, {
        errors: errors?.name ? { bot_name: errors.name } : { non_field_errors: [message] },
        typed: { bot_name: asText(ctx.state.fields?.name) },
      }),
    )
  })

  const removing = mark({
    rate: 'changes',
    operation: {
      id: 'removeBot',
      does: 'Remove a bot, and end its token and hook',
      ...ofOwner,
      answers: { 204: null },
    },
  })
  router.delete('/:id', removing, remove)
  router.post('/:id/removal', removing, remove)

  const renewing = mark({
    rate: 'changes',
    operation: {
      id: 'replaceBotToken',
      does: 'Give a bot another token: the one of before ends',
      ...ofOwner,
      answers: { 200: madeToken },
    },
  })
  router.put('/:id/token', renewing, replaceToken)
  router.post('/:id/token', renewing, replaceToken)

  const hooking = mark({
    rate: 'changes',
    operation: {
      id: 'replaceHook',
      does: 'Give a bot another address for its incoming hook: the one of before ends',
      ...ofOwner,
      answers: { 200: hookAddress },
    },
  })
  router.put('/:id/hook', hooking, replaceHook)
  router.post('/:id/hook', hooking, replaceHook)

  const unhooking = mark({
    rate: 'changes',
    operation: { id: 'revokeHook', does: 'Revoke the incoming hook of a bot', ...ofOwner, answers: { 204: null } },
  })
  router.delete('/:id/hook', unhooking, revokeHook)
  router.post('/:id/hook/removal', unhooking, revokeHook)

  return router

  async function remove(ctx: RouteContext) {
    const { chat, bot } = await requireBot(ctx)
    requireDone(parts, ctx, chat, await removeMember(db, acting(chat), bot.id, { bans: false }))
    live.ended(bot.id)
    await redirect(ctx, savedPath(chat.current_uri))
  }

  async function replaceToken(ctx: RouteContext) {
    const { chat, bot } = await requireBot(ctx)
    const auth_token = tokenKey()
    if (!(await replaceBotToken(db, acting(chat), bot.id, keyHash(auth_token)))) {
      throw notFound()
    }
    live.ended(bot.id)
    await showMade(ctx, { name: bot.name, auth_token, hook_url: null })
  }

  async function replaceHook(ctx: RouteContext) {
    const { chat, bot } = await requireBot(ctx)
    const key = tokenKey()
    if (!(await setHook(db, acting(chat), bot.id, keyHash(key)))) {
      throw notFound()
    }
    await showMade(ctx, { name: bot.name, auth_token: null, hook_url: hookUrl(ctx, key) })
  }

  async function revokeHook(ctx: RouteContext) {
    const { chat, bot } = await requireBot(ctx)
    if (!(await setHook(db, acting(chat), bot.id, null))) {
      throw notFound()
    }
    await redirect(ctx, savedPath(chat.current_uri))
  }

  /** The bot of the path. Counts the request. */
  async function requireBot(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    limit(parts, ctx)
    const id = readId(ctx.params.id)
    const bot = (await botsOf(db, chat.id)).find(bot => bot.id === id)
    if (!bot) {
      throw notFound()
    }
    return { chat, bot }
  }

  /** Shows keys this once: the database has hashes of them. `more`: what a program gets besides, for a bot that is new. */
  async function showMade(ctx: RouteContext, made: BotKeys, more?: object) {
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

  function hookUrl(ctx: RouteContext, key: string): string {
    return absolute(parts, ctx, `/hooks/${key}`)
  }
}
