// npm run bench -- pages [seconds]: idle polls, the chat's page and the start page, compared in turns with the least that any server has to do.
import { call, signIn, signUp, startChats } from './accounts.js'
import { getRequest, postRequest } from './load.js'
import { placement, postmasterIn, type Started, withPrograms } from './programs.js'
import { inTurns, type Line } from './turns.js'

const CHATS = 20
const MESSAGES = 60
const READERS = 16
const seconds = Math.ceil(Number(process.argv[2] ?? 20) / 4)

await withPrograms(async (run, folder) => {
  const database = await run(['dist/bench/database.js', folder])
  const settings = { DATABASE_URL: database.url, LIMITS: 'off', LOG_LEVEL: 'info', PORT: '0', HOST: '127.0.0.1' }
  const site = { ...(await run(['bin/start.js'], settings)), postgres: postmasterIn(folder) }
  const bare = await run(['dist/bench/bare.js'], { PAGE_BYTES: '30000' })
  const token = await signUp(site.url, 'reader')
  const uris = await startChats(site.url, Array(CHATS).fill(token), CHATS)
  const [uri = ''] = uris
  for (let n = 0; n < MESSAGES; n++) {
    await call(site.url, 'POST', `/api/chats/${uri}/messages/`, token, {
      message: `hello, this is a message of about eighty bytes, as people write them in a chat ${n}`,
    })
  }
  const cookie = await signIn(site.url, 'reader')
  console.log(`\n${placement}`)
  await polls(site, bare, token, uri, cookie)
  await pages(site, bare, token, uri, cookie)
})

type Server = Started & Pick<Line, 'postgres'>

/** Compared with the same answer from simpler servers. */
async function polls(site: Server, bare: Server, token: string, uri: string, cookie: string) {
  const { version } = await call(site.url, 'GET', `/api/chats/${uri}/`, token)
  const started = await fetch(new URL('/session/start', bare.url))
  const session = started.headers
    .getSetCookie()
    .map(line => line.split(';')[0])
    .join('; ')
  const floor = 'Koa and its router'
  const line = (name: string, server: Server, at: string, sent = cookie): Line => {
    const headers = { Cookie: sent, 'HX-Request': 'true', Accept: 'text/html, text/event-stream' }
    const request = getRequest(`${at}/messages?after=${version}`, headers)
    return { ...server, name, senders: READERS, floor, next: () => request }
  }
  await inTurns(
    'Idle polls, answered with 204',
    [
      line('node:http', bare, '/http/x'),
      line(floor, bare, '/koa/x'),
      line('the same with koa-session', bare, '/session/x', session),
      line('Chatire', site, `/chats/${uri}`),
    ],
    seconds,
  )
}

async function pages(site: Server, bare: Server, token: string, uri: string, cookie: string) {
  const page = { Cookie: cookie, Accept: 'text/html' }
  const inGzip = getRequest(`/chats/${uri}`, { ...page, 'Accept-Encoding': 'gzip' })
  const inPlain = getRequest(`/chats/${uri}`, page)
  const startPage = getRequest('/', page)
  const post = postRequest(
    `/api/chats/${uri}/messages/`,
    { 'Content-Type': 'application/json', Authorization: `Token ${token}` },
    JSON.stringify({ message: 'hello, this is another message of about eighty bytes, as people write them' }),
  )
  let turn = 0
  const floor = 'Koa and its router, a text of 30 kB'
  const [posts, turns] = ['one sender’s posts', 'one reader, posts and pages in turns']
  const outcomes = await inTurns(
    'Pages',
    [
      { ...bare, name: floor, senders: READERS, next: () => getRequest('/page', {}) },
      { ...site, name: 'the chat’s page with 50 messages, in gzip', senders: READERS, floor, next: () => inGzip },
      { ...site, name: 'the same in plain', senders: READERS, floor, next: () => inPlain },
      { ...site, name: `the start page with ${CHATS} chats`, senders: READERS, floor, next: () => startPage },
      { ...site, name: posts, senders: 1, next: () => post },
      { ...site, name: turns, senders: 1, next: () => (turn++ % 2 === 0 ? post : inGzip) },
    ],
    seconds,
  )
  const [own, both] = [posts, turns].map(name => outcomes.get(name)?.server ?? 0) as [number, number]
  console.log(
    `A page right after a post takes ${Math.round(2 * both - own)} µs of Node: twice the last line, less the one before.`,
  )
  const { headers } = await fetch(new URL(`/chats/${uri}`, site.url), {
    headers: { ...page, 'Accept-Encoding': 'gzip' },
  })
  console.log(`The chat’s page has ${headers.get('content-length')} bytes in gzip.`)
}
