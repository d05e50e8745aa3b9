import { parseArgs } from 'node:util'
import { readConfig } from '../config.js'
import { chatsOlderThan, messagesOlderThan, pruneMessages } from '../db/pruning.js'
import { overdueChats, pruneOverdue } from '../db/retention.js'
import type { Db } from '../db/schema.js'
import { OperatorError } from '../operator-error.js'
import { requireChat } from './chats.js'
import { counted, print } from './command.js'
import { withDatabase } from './database-server.js'

const USAGE = `npm run prune                deletes the texts of all messages that are older than their chats keep them, as the program does each hour
npm run prune -- --days 90   deletes those that are older than 90 days
With --chat <id> only in that chat; with --dry-run it only counts them; with --json it prints a line of JSON.
npm run chats -- keep all 90 makes that a setting.`

/** A chat is locked while so many of its messages are deleted, and posts to it wait. */
const AT_ONCE = 100

/**
 * Deletes the texts of old messages, while the program runs or not. Each goes as if its author had deleted it, in batches that leave posts
 * their turn. What was done stays done if this is stopped. Prints the answer. The caller must end the process afterwards.
 */
export async function prune(args: string[], env: NodeJS.ProcessEnv) {
  const { days, chat, dry, json } = readArguments(args)
  const config = readConfig(env)
  await withDatabase(config, async db => {
    const done = { chats: 0, messages: 0 }
    for await (const { id, keeps } of chatsToPrune(db, chat, days)) {
      let inChat = 0
      for await (const messages of days === undefined && !dry ? pruneOverdue(db, id) : pruneChat(db, id, keeps, dry)) {
        done.messages += messages
        done.chats += inChat === 0 && messages > 0 ? 1 : 0
        inChat += messages
        if (process.stderr.isTTY) {
          process.stderr.write(`\r${sentence(done, dry)}`)
        }
      }
    }
    if (process.stderr.isTTY) {
      process.stderr.write('\r\u001b[K')
    }
    const than = days === undefined ? 'their chats keep them' : counted(days, 'day')
    print(json, { days: days ?? null, dry_run: dry, ...done }, [`${sentence(done, dry)}, older than ${than}.`])
  })
}

function readArguments(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        days: { type: 'string' },
        chat: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    if (values.days === undefined || /^[1-9]\d{0,4}$/.test(values.days)) {
      const days = values.days === undefined ? undefined : Number(values.days)
      return { days, chat: values.chat, dry: values['dry-run'], json: values.json }
    }
  } catch {
    // An option that there is not.
  }
  throw new OperatorError(USAGE)
}

/** The chats that may have something to delete, and for how many days each keeps its messages: `days`, or else as its settings say. */
async function* chatsToPrune(db: Db, only: string | undefined, days: number | undefined) {
  if (only !== undefined) {
    const { id, kept_days } = await requireChat(db, only)
    const keeps = days ?? kept_days
    yield* keeps === null ? [] : [{ id, keeps }]
  } else if (days === undefined) {
    yield* overdueChats(db)
  } else {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const ids: number[] = await chatsOlderThan(db, days, after, AT_ONCE)
      yield* ids.map(id => ({ id, keeps: days }))
      after = ids.at(-1)
    }
  }
}

/** Yields after each batch how many messages were deleted, or would be. */
async function* pruneChat(db: Db, chat_id: number, days: number, dry: boolean) {
  let ids = await messagesOlderThan(db, chat_id, { days, after: 0, limit: AT_ONCE })
  for (let last = ids.at(-1); last !== undefined; last = ids.at(-1)) {
    yield dry ? ids.length : await pruneMessages(db, chat_id, ids)
    ids = await messagesOlderThan(db, chat_id, { days, after: last, limit: AT_ONCE })
  }
}

function sentence({ messages, chats }: { messages: number; chats: number }, dry: boolean): string {
  return `${dry ? 'Would delete' : 'Deleted'} the texts of ${counted(messages, 'message')} in ${counted(chats, 'chat')}`
}
