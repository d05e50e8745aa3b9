import { type Config, LIMITS, readConfig } from '../config.js'
import { chatsAfter, findListedChat, type ListedChat } from '../db/chat-list.js'
import { deleteSomeRows, eraseChat } from '../db/deleted-chats.js'
import { keepAll, keepChat, keptDays } from '../db/retention.js'
import type { Db } from '../db/schema.js'
import { changeChat } from '../db/settings.js'
import { findListedUser } from '../db/user-list.js'
import { OperatorError } from '../operator-error.js'
import { asLine } from '../text/controls.js'
import { exportTo, importFrom } from './chat-files.js'
import { counted, idIn, minute, print, readCommand } from './command.js'
import { withDatabase } from './database-server.js'
import { megabytes } from './progress.js'

const USAGE = `npm run chats -- list [beginning]           all chats, or those whose name begins so, without their links
npm run chats -- show <id>                  what is known of one, with its link: who has it can join
npm run chats -- read-only <id> on|off      lets nobody write there, or lets members write again
npm run chats -- keep all [<days>|always]   says for how many days messages are kept before their texts are deleted
npm run chats -- keep <id> [<days>|as-all]  says it for one chat, whose owner can choose fewer
npm run chats -- delete <id> --yes          deletes the chat with all that is in it
npm run chats -- export <id> <file>         writes the chat into a file: .ndjson, .json, .txt, .csv or .html
npm run chats -- import <file> <name>       makes a new chat of an .ndjson or .json file, for that account
With --json each prints lines of JSON.`

const FORMS = {
  list: { least: 0, most: 1 },
  show: { least: 1, most: 1 },
  'read-only': { least: 2, most: 2 },
  keep: { least: 1, most: 2 },
  delete: { least: 1, most: 1, options: ['yes'] },
  export: { least: 2, most: 2 },
  import: { least: 2, most: 2 },
}

/** Fewer than users: the messages of each are counted, and a statement has 15 s. */
const AT_ONCE = 20

/** What an operator can do with chats, as `manageUsers` with users. */
export async function manageChats(args: string[], env: NodeJS.ProcessEnv) {
  const { name, words, has } = readCommand(args, FORMS, USAGE)
  const [word = '', state] = words
  if (name === 'read-only' && state !== 'on' && state !== 'off') {
    throw new OperatorError(USAGE)
  }
  const config = readConfig(env)
  await withDatabase(config, async db => {
    if (name === 'list') {
      await list(db, word, has('json'))
      return
    }
    if (name === 'keep') {
      await keep(db, word, state, has('json'))
      return
    }
    if (name === 'import') {
      const { chat_id, uri, messages = null } = await importFrom(db, word, await requireAccount(db, state))
      const link = linkTo(uri, config)
      const done = messages === null ? 'It was imported before.' : `${counted(messages, 'message')} imported.`
      print(has('json'), { id: chat_id, link, messages }, [done, link])
      return
    }
    const chat = await requireChat(db, word)
    if (name === 'export') {
      const bytes = await exportTo(db, chat, state ?? '')
      print(has('json'), { id: chat.id, file: state, bytes }, [`${chat.name} is in ${state}, ${megabytes(bytes)}.`])
    } else if (name === 'show') {
      const { owner_id, owner_name, title, uri, ...shown } = chat
      const link = linkTo(uri, config)
      print(has('json'), { ...shown, link }, described({ ...chat, link }))
    } else if (name === 'read-only') {
      await setReadOnly(db, chat, state === 'on')
      const answer = { id: chat.id, name: chat.name, read_only: state === 'on' }
      print(has('json'), answer, [`${chat.name} is ${state === 'on' ? 'read-only' : 'open for messages'} now.`])
    } else {
      await remove(db, chat, has('yes'))
      print(has('json'), { id: chat.id, name: chat.name, deleted: true }, [`${chat.name} (${chat.id}) is deleted.`])
    }
  })
}

/** The id of the account that the word names. */
async function requireAccount(db: Db, word = ''): Promise<number> {
  const user = await findListedUser(db, idIn(word) ?? word)
  if (user?.kind !== 'account') {
    throw new OperatorError(asLine(`There is no account called ${word}. npm run users -- list shows the names.`))
  }
  return user.id
}

/** The chat that the word names by its id. */
export async function requireChat(db: Db, word: string) {
  const id = idIn(`id:${word}`)
  const chat = id === undefined ? undefined : await findListedChat(db, id)
  if (!chat) {
    throw new OperatorError(asLine(`There is no chat with the id ${word}. npm run chats -- list shows the ids.`))
  }
  return chat
}

async function setReadOnly(db: Db, { id, owner_id }: { id: number; owner_id: number }, read_only: boolean) {
  const { outcome } = await changeChat(db, { chat_id: id, user_id: owner_id }, { read_only })
  if (outcome !== 'done') {
    throw new OperatorError(
      'The owner of this chat is not in it, and nobody else there can own it. Nothing was changed.',
    )
  }
}

async function keep(db: Db, word: string, span: string | undefined, asJson: boolean) {
  const isAll = word === 'all'
  const days = span === undefined ? undefined : daysIn(span, isAll ? 'always' : 'as-all')
  if (isAll) {
    if (days !== undefined) {
      await keepAll(db, days)
    }
    const kept_days = await keptDays(db)
    print(asJson, { kept_days }, [`Messages are kept ${spanOf(kept_days)}.`])
    return
  }
  const { id } = await requireChat(db, word)
  if (days !== undefined) {
    await keepChat(db, id, days)
  }
  const { name, kept_days, kept_days_at_most } = await requireChat(db, word)
  print(asJson, { id, name, kept_days, kept_days_at_most }, [`${name} keeps messages ${spanOf(kept_days)}.`])
}

/** The number of days, or null for the word that means none. */
function daysIn(span: string, none: string): number | null {
  if (span === none) {
    return null
  }
  const days = /^[1-9]\d{0,4}$/.test(span) ? Number(span) : undefined
  if (days === undefined || days > LIMITS.keptDays) {
    throw new OperatorError(asLine(`${span} is neither ${none} nor a number of days from 1 to ${LIMITS.keptDays}.`))
  }
  return days
}

const spanOf = (days: number | null) => (days === null ? 'until somebody deletes them' : `for ${counted(days, 'day')}`)

async function remove(db: Db, { id, name, members, messages }: ListedChat, sure: boolean) {
  if (!sure) {
    throw new OperatorError(
      asLine(
        `This would delete ${name} (${counted(members, 'member')}, ${counted(messages, 'message')}) for good. Say --yes to do it.`,
      ),
    )
  }
  await eraseChat(db, id)
  // The program does this within the hour, but it may not be running.
  while (await deleteSomeRows(db, LIMITS.deletedRowsAtOnce)) {}
}

async function list(db: Db, beginning: string, asJson: boolean) {
  const heading = 'id        members  messages  last message (UTC)  owner, name'
  for (let after: number | undefined = 0; after !== undefined; ) {
    const chats: ListedChat[] = await chatsAfter(db, after, beginning, AT_ONCE)
    if (after === 0 && !asJson) {
      console.log(chats.length > 0 ? heading : 'There is none.')
    }
    for (const chat of chats) {
      const { id, members, messages, last_posted_at, owner, name } = chat
      const columns = [`${id}`.padEnd(8), `${members}`.padEnd(7), `${messages}`.padEnd(8), minute(last_posted_at)]
      print(asJson, chat, [`${columns.join('  ')}    ${owner}, ${name}`])
    }
    after = chats.length < AT_ONCE ? undefined : chats.at(-1)?.id
  }
}

function described(chat: Awaited<ReturnType<typeof requireChat>> & { link: string }): string[] {
  const { id, name, owner, members, messages, created_at, last_posted_at, read_only_at, link, expires_at } = chat
  const { kept_days, kept_days_at_most } = chat
  return Object.entries({
    name,
    id,
    owner,
    members,
    messages,
    since: minute(created_at),
    'last message': minute(last_posted_at),
    kept: `${spanOf(kept_days)}${kept_days === kept_days_at_most ? '' : ', as its owner says'}`,
    'read-only': read_only_at ? `since ${minute(read_only_at)}` : 'no',
    link,
    'lets in': expires_at ? `until ${minute(expires_at)}` : 'until it is replaced',
  }).map(([what, value]) => `${what.padEnd(12)}  ${value}`)
}

function linkTo(uri: string, { publicUrl, port }: Config): string {
  return new URL(`/chats/${uri}`, publicUrl ?? `http://localhost:${port}`).href
}
