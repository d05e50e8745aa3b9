import { type Config, readConfig } from '../config.js'
import { createReset } from '../db/resets.js'
import type { Db } from '../db/schema.js'
import { endSessions } from '../db/sessions.js'
import { revokeTokens } from '../db/tokens.js'
import { findListedUser, type ListedUser, usersAfter } from '../db/user-list.js'
import { deleteUser, settleUser } from '../db/users.js'
import { keyHash, randomKey } from '../keys.js'
import { OperatorError } from '../operator-error.js'
import { asLine } from '../text/controls.js'
import { counted, idIn, minute, print, readCommand } from './command.js'
import { withDatabase } from './database-server.js'

const USAGE = `npm run users -- list [beginning]          all users, or those whose name begins so
npm run users -- show <name>               what is known of one
npm run users -- reset-password <name>     prints a link by which the user can set a new password
npm run users -- sign-out <name>           ends all their sessions; with --tokens their tokens too
npm run users -- delete <name> --yes       deletes the user, as they could themselves
<name> is the username of an account, or the id of any user, such as id:17. With --json each prints lines of JSON.`

const FORMS = {
  list: { least: 0, most: 1 },
  show: { least: 1, most: 1 },
  'reset-password': { least: 1, most: 1 },
  'sign-out': { least: 1, most: 1, options: ['tokens'] },
  delete: { least: 1, most: 1, options: ['yes'] },
}

const AT_ONCE = 200

/**
 * What an operator can do with users, while the program runs or not; it notices by its sweep within two seconds. Prints the answer. The caller
 * must end the process afterwards.
 */
export async function manageUsers(args: string[], env: NodeJS.ProcessEnv) {
  const { name, words, has } = readCommand(args, FORMS, USAGE)
  const config = readConfig(env)
  const [word = ''] = words
  await withDatabase(config, async db => {
    if (name === 'list') {
      await list(db, word, has('json'))
    } else {
      const { answer, lines } = await deal(db, name, word, { config, tokens: has('tokens'), sure: has('yes') })
      print(has('json'), answer, lines)
    }
  })
}

interface Wish {
  config: Config
  /** Whether tokens are revoked too. */
  tokens: boolean
  sure: boolean
}

async function deal(db: Db, name: Exclude<keyof typeof FORMS, 'list'>, word: string, { config, tokens, sure }: Wish) {
  const { password_hash, ...user } = await requireUser(db, word)
  const { id, username } = user
  const who = { id, username }
  switch (name) {
    case 'show':
      return { answer: user, lines: described(user) }
    case 'reset-password': {
      const link = await resetLink(db, user, config)
      return {
        answer: { ...who, link },
        lines: [`${username} can set a new password once, within a day, at`, link],
      }
    }
    case 'sign-out': {
      const sessions = await endSessions(db, id)
      if (tokens) {
        await revokeTokens(db, id)
      }
      // A guest without a session is gone.
      await settleUser(db, id, () => {})
      const still = tokens || user.tokens === 0 ? '' : ' Their tokens go on working: --tokens revokes them.'
      return {
        answer: { ...who, sessions, tokens: tokens ? user.tokens : 0 },
        lines: [
          `${username} is signed out: ${counted(sessions, 'session')} ended${tokens ? `, ${counted(user.tokens, 'token')} revoked` : ''}.${still}`,
        ],
      }
    }
    case 'delete': {
      if (!sure) {
        throw new OperatorError(
          asLine(
            `This would delete ${username} (${user.kind}, id:${id}, in ${counted(user.chats, 'chat')}) for good. Say --yes to do it.`,
          ),
        )
      }
      if (!(await deleteUser(db, { id, password_hash }))) {
        throw new OperatorError(
          asLine(`${username} was changed at this moment. Nothing was deleted: please try again.`),
        )
      }
      await settleUser(db, id, () => {})
      return { answer: { ...who, deleted: true }, lines: [`${username} (id:${id}) is deleted.`] }
    }
  }
}

async function list(db: Db, beginning: string, asJson: boolean) {
  const heading = 'id        kind     since             last seen (UTC)   chats  username, name'
  for (let after: number | undefined = 0; after !== undefined; ) {
    const users: ListedUser[] = await usersAfter(db, after, beginning, AT_ONCE)
    if (after === 0 && !asJson) {
      console.log(users.length > 0 ? heading : 'There is none.')
    }
    for (const user of users) {
      const { id, kind, created_at, seen_at, chats } = user
      const columns = [String(id).padEnd(8), kind.padEnd(7), minute(created_at), minute(seen_at), `${chats}`.padEnd(5)]
      print(asJson, user, [[...columns, namesOf(user)].join('  ')])
    }
    after = users.length < AT_ONCE ? undefined : users.at(-1)?.id
  }
}

function namesOf({ username, name }: ListedUser): string {
  return username === name ? username : `${username}, ${name}`
}

function described(user: ListedUser & { email: string }): string[] {
  const { id, kind, username, name, email, created_at, seen_at, chats, sessions, tokens } = user
  return Object.entries({
    username,
    name,
    id,
    kind,
    email,
    since: minute(created_at),
    'last seen': minute(seen_at),
    chats,
    sessions,
    tokens,
  }).map(([what, value]) => `${what.padEnd(9)}  ${value}`)
}

/** What those are who have no password. */
const WITHOUT_PASSWORD = { guest: 'a guest', bot: 'a bot', imported: 'imported' } as const

async function resetLink(db: Db, { id, kind, username }: ListedUser, { publicUrl, port }: Config): Promise<string> {
  const key = randomKey()
  if (kind !== 'account') {
    throw new OperatorError(asLine(`${username} is ${WITHOUT_PASSWORD[kind]}, and has no password.`))
  }
  if (!(await createReset(db, id, keyHash(key)))) {
    throw new OperatorError(asLine(`There is no user called ${username}.`))
  }
  return new URL(`/reset/${key}`, publicUrl ?? `http://localhost:${port}`).href
}

async function requireUser(db: Db, word: string) {
  const user = await findListedUser(db, idIn(word) ?? word)
  if (!user) {
    throw new OperatorError(
      asLine(`There is no user called ${word}. npm run users -- list finds them; guests go by their id.`),
    )
  }
  return user
}
