import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { botsOf, createBot } from '../db/bots.js'
import { removeMember } from '../db/members.js'
import { invalid, looksTaken, Refusal } from '../errors.js'
import { newBot } from '../http/account-schemas.js'
import { botList, newBotMade } from '../http/bot-answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { asText } from '../http/fields.js'
import { read } from '../http/input.js'
import { botJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect } from '../http/respond.js'
import { keyHash, tokenKey } from '../keys.js'
import { hookUrl, requireBot, showBotKeys } from './bot-keys.js'
import { submitForm } from './forms.js'
import { acting, EXACT, limit, requireDone, requireOwner } from './scope.js'
import { savedPath, showSettings } from './settings.js'

const LISTING = mark({
  operation: {
    id: 'listBots',
    does: 'List the bots of a chat',
    who: 'owner',
    scope: 'read',
    answers: { 200: botList },
  },
})

const MAKING = mark({
  rate: 'changes',
  body: newBot,
  operation: {
    id: 'makeBot',
    does: 'Make a bot: a member of the chat, with a token and an incoming hook',
    who: 'owner',
    scope: 'manage',
    answers: { 201: newBotMade },
    problems: ['name_taken', 'name_alike', 'too_many_bots'],
    example: { name: 'deploy' },
  },
})

const REMOVING = mark({
  rate: 'changes',
  operation: {
    id: 'removeBot',
    does: 'Remove a bot, and end its token and hook',
    who: 'owner',
    scope: 'manage',
    answers: { 204: null },
  },
})

/** The bots of a chat, by its owner: each is a member, with a token and an incoming hook of its own. */
export function bots(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/bots' })
  router.get('/', LISTING, list)
  router.post('/', MAKING, make)
  router.delete('/:id', REMOVING, remove)
  router.post('/:id/removal', REMOVING, remove)
  return router

  async function list(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    await redirect(ctx, `/chats/${chat.current_uri}/settings`, async () => ({
      items: (await botsOf(db, chat.id)).map(botJson),
      next: null,
      prev: null,
    }))
  }

  async function make(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    const submitted = async () => {
      limit(parts, ctx)
      const { name } = read(ctx, newBot)
      const [auth_token, hook] = [tokenKey(), tokenKey()]
      const hashes = { key_hash: keyHash(auth_token), hook_hash: keyHash(hook) }
      const made = await createBot(db, acting(chat), { name, ...hashes })
      switch (made.outcome) {
        case 'done': {
          requireDone(parts, ctx, chat, made)
          const keys = { name, auth_token, hook_url: hookUrl(parts, ctx, hook) }
          await showBotKeys(parts, ctx, keys, { id: made.id, kind: 'bot' })
          return
        }
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
    await submitForm(parts, ctx, submitted, ({ errors, message }) =>
      showSettings(parts, ctx, chat, {
        errors: errors?.name ? { bot_name: errors.name } : { non_field_errors: [message] },
        typed: { bot_name: asText(ctx.state.fields?.name) },
      }),
    )
  }

  async function remove(ctx: RouteContext) {
    const { chat, bot } = await requireBot(parts, ctx)
    requireDone(parts, ctx, chat, await removeMember(db, acting(chat), bot.id, { bans: false }))
    live.ended(bot.id)
    await redirect(ctx, savedPath(chat.current_uri))
  }
}
