// A bot in TypeScript: it answers "!ping" with "pong". README.md says how to start it.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import createClient from 'openapi-fetch'
import type { paths } from './api.js'

const { SITE = '', CHAT = '', TOKEN = '', CURSOR = 'cursor' } = process.env
const path = { uri: CHAT.replace(/\/+$/, '').split('/').at(-1) ?? '' }
const baseUrl = SITE.replace(/\/+$/, '')
const headers = { Authorization: `Token ${TOKEN}` }
const api = createClient<paths, `application/${string}json`>({ baseUrl, headers, fetch: askUntilAnswered })

/** Asks again while the server is away or too busy: after 1, 2, 4 … 60 s, or after as many as Retry-After says. */
async function askUntilAnswered(request: Request): Promise<Response> {
  for (let pause = 1; ; pause = Math.min(2 * pause, 60)) {
    let seconds = pause
    try {
      // Longer than the server waits for news.
      const answer = await fetch(request.clone(), { signal: AbortSignal.timeout(40_000) })
      const body = await answer.text()
      if (answer.status !== 429 && answer.status < 500) return new Response(body, answer)
      seconds = Number(answer.headers.get('Retry-After')) || pause
    } catch (error) {
      console.error(String(error))
    }
    await wait(1000 * seconds)
  }
}

/** Moved into place, so that the file is whole whenever the bot is killed. */
function keep(version: number): number {
  writeFileSync(`${CURSOR}.new`, String(version))
  renameSync(`${CURSOR}.new`, CURSOR)
  return version
}

const { data: chat, error: refusal } = await api.GET('/api/chats/{uri}/', { params: { path } })
if (refusal) throw new Error(refusal.detail)
let cursor = existsSync(CURSOR) ? Number(readFileSync(CURSOR, 'utf8')) : keep(chat.version)

while (true) {
  const params = { path, query: { after: cursor, wait: 25 } }
  const { data, error } = await api.GET('/api/chats/{uri}/messages/', { params })
  // 410, where a restored backup has put the chat back, says the version to go on from. Other problems will not pass.
  if (error && error.version === undefined) throw new Error(error.detail)
  for (const said of data?.messages ?? []) {
    if (!('event' in said) || said.event !== 'message' || said.user.kind === 'bot' || said.message !== '!ping') continue
    // However often this is sent, as after a crash, the key lets it be stored once.
    const params = { path, header: { 'Idempotency-Key': `pong-${said.id}` } }
    const body = { message: 'pong', reply_to: said.id }
    const { error } = await api.POST('/api/chats/{uri}/messages/', { params, body })
    if (error) throw new Error(error.detail)
  }
  // Only now: what is not answered yet is read again after a crash.
  cursor = keep(data?.version ?? error?.version ?? cursor)
}
