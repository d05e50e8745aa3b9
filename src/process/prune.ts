import { parseArgs } from 'node:util'
import { readConfig } from '../config.js'
import { chatsOlderThan, messagesOlderThan, pruneMessages } from '../db/pruning.js'
import type { Db } from '../db/schema.js'
import { OperatorError } from '../operator-error.js'
import { requireChat } from './chats.js'
import { counted, print } from './command.js'
import { withDatabase } from './database-server.js'

const USAGE = `npm run prune -- --days 90              deletes the texts of all messages that are older than 90 days
npm run prune -- --days 90 --chat <id> only in that chat
npm run prune -- --days 90 --dry-run   only counts them
With --json it prints a line of JSON.`

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
    const only = chat === undefined ? undefined : (await requireChat(db, chat)).id
    const done = { chats: 0, messages: 0 }
    for await (const id of only === undefined ? allChats(db, days) : [only]) {
      let isFirst = true
      for await (const messages of pruneChat(db, id, { days, dry })) {
        done.messages += messages
        done.chats += isFirst ? 1 : 0
        isFirst = false
        if (process.stderr.isTTY) {
          process.stderr.write(`\r${sentence(done, dry)}`)
        }
      }
    }
    if (process.stderr.isTTY) {
      process.stderr.write('\r\u001b[K')
    }
    print(json, { days, dry_run: dry, ...done }, [`${sentence(done, dry)}, older than ${counted(days, 'day')}.`])
  })
}

function readArguments(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        days: { type: 'string', default: '' },
        chat: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    if (/^[1-9]\d{0,4}$/.test(values.days)) {
      return { days: Number(values.days), chat: values.chat, dry: values['dry-run'], json: values.json }
    }
  } catch {
    // An option that there is not.
  }
  throw new OperatorError(USAGE)
}

async function* allChats(db: Db, days: number) {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const ids: number[] = await chatsOlderThan(db, days, after, AT_ONCE)
    yield* ids
    after = ids.at(-1)
  }
}

/** Yields after each batch how many messages were deleted, or would be. */
async function* pruneChat(db: Db, chat_id: number, { days, dry }: { days: number; dry: boolean }) {
  let ids = await messagesOlderThan(db, chat_id, { days, after: 0, limit: AT_ONCE })
  for (let last = ids.at(-1); last !== undefined; last = ids.at(-1)) {
    yield dry ? ids.length : await pruneMessages(db, chat_id, ids)
    ids = await messagesOlderThan(db, chat_id, { days, after: last, limit: AT_ONCE })
  }
}

function sentence({ messages, chats }: { messages: number; chats: number }, dry: boolean): string {
  return `${dry ? 'Would delete' : 'Deleted'} the texts of ${counted(messages, 'message')} in ${counted(chats, 'chat')}`
}
