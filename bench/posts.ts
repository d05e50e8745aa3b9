// npm run bench -- posts [seconds]: posts per second from an empty table, compared in turns with node:http and one INSERT on the same PostgreSQL.
import { withClient } from '../src/db/connection.js'
import { credentials } from '../test/support/streams.js'
import { Visitor } from '../test/support/visitor.js'
import { signUp, startChats } from './accounts.js'
import { postRequest } from './load.js'
import { placement, postmasterIn, withPrograms } from './programs.js'
import { inTurns, type Line } from './turns.js'

const CHATS = 16
const MEMBERS = 64
const seconds = Math.ceil(Number(process.argv[2] ?? 60) / 4)

/** A message of about eighty bytes, as people write them in a chat, each of other words: equal ones would cost the search index less. */
function message(): string {
  const word = () =>
    `w${String(Math.floor(Math.exp(Math.random() * 9.2))).replace(/\d/g, digit => 'abcdefghij'[Number(digit)] ?? '')}`
  return Array.from({ length: 16 }, word).join(' ')
}

const json = () => JSON.stringify({ message: message() })
const JSON_BODY = { 'Content-Type': 'application/json' }

await withPrograms(async (run, folder) => {
  const database = await run(['dist/bench/database.js', folder])
  const floor = await run(['dist/bench/floor.js'], { DATABASE_URL: database.url })
  const site = await run(['bin/start.js'], {
    DATABASE_URL: database.url,
    LIMITS: 'off',
    LOG_LEVEL: 'info',
    PORT: '0',
  })
  const tokens: string[] = []
  while (tokens.length < MEMBERS) {
    tokens.push(await signUp(site.url, `sender${tokens.length}`))
  }
  const uris = await startChats(site.url, tokens, CHATS)
  const writer = await new Visitor({ url: site.url.replace(/\/$/, '') }).signUpByForm('writer')
  await writer.send('PATCH', `/api/chats/${uris[0]}/`, '{}', {
    'content-type': 'application/json',
    'x-csrf-token': writer.csrf,
  })
  await writer.get(`/chats/${uris[0]}`)
  const postgres = postmasterIn(folder)
  const bare = (name: string, at: string, senders: number): Line => {
    return { ...floor, name, postgres, senders, next: () => postRequest(at, JSON_BODY, json()) }
  }
  /** By the API, as somebody else each, in so many chats. */
  const ours = (name: string, senders: number, chats: number, floor: string): Line => ({
    ...site,
    name,
    postgres,
    senders,
    floor,
    settle: () => sort(database.url),
    next: sender =>
      postRequest(
        `/api/chats/${uris[sender % chats]}/messages/`,
        { ...JSON_BODY, Authorization: `Token ${tokens[sender]}` },
        json(),
      ),
  })
  const [text, whole, many] = [
    'an INSERT of a text',
    'an INSERT with chat and author',
    'an INSERT of a text, 64 senders',
  ]
  await inTurns(
    `Posts of 16 senders where nothing else is said, from an empty table; ${placement}; fsync on; with what the search index needs`,
    [
      bare(text, '/bare', 16),
      bare(whole, '/chat', 16),
      bare(many, '/bare', 64),
      ours('Chatire, 1 chat', 16, 1, text),
      ours('Chatire, 16 chats', 16, CHATS, text),
      ours('Chatire, 16 chats, beside chat and author', 16, CHATS, whole),
      ours('Chatire, 16 chats, 64 senders', 64, CHATS, many),
      ours('Chatire, one sender', 1, 1, text),
      {
        ...ours('Chatire, one sender by the page’s form', 1, 1, text),
        next: () => byForm(writer, `/chats/${uris[0]}/messages`),
      },
    ],
    seconds,
  )
})

/** As htmx sends it from a page that has seen everything but this. */
function byForm(writer: Visitor, at: string): string {
  const headers = {
    'Content-Type': 'application/x-www-form-urlencoded',
    ...credentials(writer),
    Accept: 'text/html, text/event-stream',
    'HX-Request': 'true',
    'Sec-Fetch-Site': 'same-origin',
    'X-CSRF-Token': writer.csrf,
  }
  return postRequest(at, headers, new URLSearchParams({ message: message() }).toString())
}

/** Waits until all words are sorted into the search index. */
function sort(connectionString: string) {
  return withClient({ connectionString }, sql =>
    sql.query("select gin_clean_pending_list(oid) from pg_class where oid = to_regclass('events_words')"),
  )
}
