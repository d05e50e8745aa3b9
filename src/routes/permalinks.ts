import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { type Event, findMessage, type InContext, messageInContext } from '../db/events.js'
import { deleteMessage, editMessage } from '../db/messages.js'
import { react } from '../db/reactions.js'
import { notFound, Refusal } from '../errors.js'
import { messageOf } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { asText } from '../http/fields.js'
import { check, read, readId } from '../http/input.js'
import { messageJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { rememberChange } from '../http/own-changes.js'
import { give, respond, seeOther, showFragment, showPage } from '../http/respond.js'
import { composerCursor, editedMessage, newReaction, reactionQuery } from '../http/schemas.js'
import { mapInSlices } from '../slices.js'
import { mentionedNames } from '../text/markdown.js'
import { REACTIONS } from '../text/reactions.js'
import { submitForm } from './forms.js'
import { newsFor } from './news.js'
import { notStorable, readOnly } from './posting.js'
import { chatPath, EXACT, limit, limitLists, type MemberChat, requireMember, requireReading } from './scope.js'

/** One message by its own address: with the messages around it, and what the reader can do to it. */
export function permalinks(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/messages/:id' })

  const getting = {
    id: 'getMessage',
    does: 'A message',
    who: 'member',
    scope: 'read',
    answers: { 200: messageOf },
  } as const
  router.get('/', mark({ gzip: true, operation: getting }), async ctx => {
    const chat = await requireMember(parts, ctx)
    const id = readId(ctx.params.id)
    await respond(ctx, {
      page: () => {
        limitLists(parts, ctx, chat.user)
        return showMessage(ctx, chat, id)
      },
      fragment: async () => {
        const found = await requireContext(chat, id, 0)
        showFragment(parts, ctx, 'messages/_actions.njk', { ...actions(chat, found), csrf: '' })
      },
      json: async () => messageJson(await requireMessage(chat, id)),
    })
  })

  router.get('/reply', mark({ forPages: true }), async ctx => {
    const chat = await requireMember(parts, ctx)
    const message = await requireMessage(chat, readId(ctx.params.id))
    await respond(ctx, {
      page: () => seeOther(ctx, `${chatPath(chat.uri)}?reply=${message.id}`),
      fragment: () => showFragment(parts, ctx, 'messages/_reply.njk', { uri: chat.uri, reply: message }),
      json: () => messageJson(message),
    })
  })

  // The cursor of the page: the answer to a fragment begins there.
  const changing = { rate: 'changes', formFields: ['after'] } as const
  const editing = mark({
    ...changing,
    body: editedMessage,
    operation: {
      id: 'editMessage',
      does: 'Change a message of yours',
      who: 'member',
      scope: 'post',
      answers: { 200: messageOf },
      problems: ['author_only', 'read_only', 'not_storable'],
      example: { message: 'hello, all' },
    },
  })
  router.patch('/', editing, edit)
  router.post('/', editing, edit)
  const deleting = mark({
    ...changing,
    operation: {
      id: 'deleteMessage',
      does: 'Delete a message of yours, or any in a chat that you own',
      who: 'member',
      scope: 'post',
      answers: { 200: messageOf },
      problems: ['author_only'],
    },
  })
  router.delete('/', deleting, remove)
  router.post('/deletion', deleting, remove)

  router.post(
    '/reactions',
    mark({ ...changing, body: newReaction, query: reactionQuery, forPages: true }),
    async ctx => {
      await settleReaction(ctx, () => read(ctx, newReaction).emoji, ctx.query.off === undefined)
    },
  )
  const reacting = {
    who: 'member',
    scope: 'post',
    answers: { 200: messageOf },
    problems: ['read_only', 'invalid_input'],
  } as const
  const adding = mark({ ...changing, operation: { id: 'react', does: 'React to a message', ...reacting } })
  router.put('/reactions/:emoji', adding, ctx => settleReaction(ctx, () => readEmoji(ctx), true))
  const takingBack = mark({ ...changing, operation: { id: 'unreact', does: 'Take a reaction back', ...reacting } })
  router.delete('/reactions/:emoji', takingBack, ctx => settleReaction(ctx, () => readEmoji(ctx), false))

  return router

  async function edit(ctx: RouteContext) {
    const { chat, id } = await requireChange(ctx)
    const change = async () => {
      const { message: text } = read(ctx, editedMessage)
      const names = mentionedNames(text)
      const edited = await editMessage(db, { chat_id: chat.id, editor_id: chat.user.id, id, text, names })
      await answer(ctx, chat, id, edited)
    }
    await submitForm(parts, ctx, change, ({ message: sentence }) =>
      showMessage(ctx, chat, id, { text: asText(ctx.state.fields?.message), sentence }),
    )
  }

  async function remove(ctx: RouteContext) {
    const { chat, id } = await requireChange(ctx)
    const deleted = await deleteMessage(db, { chat_id: chat.id, deleter_id: chat.user.id, id })
    await answer(ctx, chat, id, deleted)
  }

  async function settleReaction(ctx: RouteContext, chosen: () => string, adds: boolean) {
    const { chat, id } = await requireChange(ctx)
    const reaction = { chat_id: chat.id, user_id: chat.user.id, id, emoji: chosen() }
    await answer(ctx, chat, id, await react(db, reaction, adds))
  }

  /** Tells the chat's readers of the change, and answers with the message as it is now. */
  async function answer(ctx: RouteContext, chat: MemberChat, id: number, { outcome, version }: Changed) {
    const refusal = refusalOf(outcome)
    if (refusal) {
      throw refusal
    }
    parts.live.reached(chat.id, version)
    const path = chatPath(chat.uri)
    await respond(ctx, {
      page: () => {
        rememberChange(parts, ctx, chat.uri, version)
        seeOther(ctx, `${path}/messages/${id}`)
      },
      fragment: async () =>
        give(ctx, await newsFor(parts, ctx, read(ctx, composerCursor).after, version, `${path}/messages/${id}`)),
      json: async () => messageJson(await requireMessage(chat, id)),
    })
  }

  /** The message's page. `unsaved` is a new text that was refused. */
  async function showMessage(ctx: RouteContext, chat: MemberChat, id: number, unsaved?: Unsaved) {
    const { uri, user } = chat
    const { feed } = await requireReading(parts, ctx)
    const found = await requireContext(chat, id, LIMITS.messagesAround)
    const before = feed.entriesOf(found.before)
    const entries = feed.entriesOf([found.message])
    const after = feed.entriesOf(found.after)
    // In slices: the template then takes the HTML that is kept, and does not block the process.
    await mapInSlices([...before, ...entries, ...after], entry => entry.html(entry.event.author_id === user.id))
    showPage(parts, ctx, 'messages/show.njk', {
      ...actions(chat, found, unsaved),
      chat,
      uri,
      me: user.id,
      unread_from: null,
      before,
      entries,
      after,
    })
  }

  /** The path's chat for one of its members, and the id of the message. Counts the change against the rate limit. */
  async function requireChange(ctx: RouteContext) {
    const chat = await requireMember(parts, ctx)
    limit(parts, ctx, 'You are changing things very fast. Please wait a moment and try again.')
    return { chat, id: readId(ctx.params.id) }
  }

  async function requireMessage(chat: MemberChat, id: number): Promise<Event> {
    const message = await findMessage(db, chat.id, id)
    if (!message) {
      throw notFound()
    }
    return message
  }

  async function requireContext(chat: MemberChat, id: number, each: number): Promise<InContext> {
    const found = await messageInContext(db, { chat_id: chat.id, id, user_id: chat.user.id }, each)
    if (!found) {
      throw notFound()
    }
    return found
  }
}

/** A new text for a message, and why it was refused. */
interface Unsaved {
  text: string
  sentence: string
}

/** What the reader can do to the message, for views/messages/_actions.njk. */
function actions(chat: MemberChat, { message, mine }: InContext, unsaved?: Unsaved) {
  const isAuthor = message.author_id === chat.user.id
  const stands = message.deleted_at === null
  const open = stands && chat.read_only_at === null
  return {
    uri: chat.uri,
    message,
    mine,
    can: {
      answer: open,
      react: open,
      edit: open && isAuthor,
      delete: stands && (isAuthor || chat.owner_id === chat.user.id),
    },
    emojis: Object.keys(REACTIONS),
    text: unsaved?.text ?? message.text ?? '',
    sentence: unsaved?.sentence ?? '',
  }
}

interface Changed {
  outcome: Awaited<ReturnType<typeof editMessage | typeof deleteMessage | typeof react>>['outcome']
  version: number
}

function refusalOf(outcome: Changed['outcome']): Refusal | undefined {
  switch (outcome) {
    case 'gone':
      return notFound()
    case 'not yours':
      return new Refusal('author_only', 'Only who wrote a message can change it.')
    case 'read only':
      return readOnly()
    case 'refused':
      return notStorable()
    default:
      return undefined
  }
}

function readEmoji({ params }: RouteContext): string {
  return check({ emoji: params.emoji }, newReaction).emoji
}
