// Two people talk: every step is checked against the types that are generated from the server's document. README.md says how to play it.
import { randomUUID } from 'node:crypto'
import createClient from 'openapi-fetch'
import type { paths } from './api.js'

const baseUrl = (process.env.SITE ?? '').replace(/\/+$/, '')
const clientWith = (headers: Record<string, string>) =>
  createClient<paths, `application/${string}json`>({ baseUrl, headers })

/** What came, or the server's sentence as an error. */
async function got<Data>(
  answer: Promise<{ data?: Data; error?: { code: string; detail: string } }>,
): Promise<NonNullable<Data>> {
  const { data, error } = await answer
  if (error) throw new Error(`${error.code}: ${error.detail}`)
  if (!data) throw new Error('The answer is empty.')
  return data
}

/** Makes an account of that name and a random number, and a client that has its token. */
async function signUp(name: string) {
  const anyone = clientWith({})
  const body = { username: `${name}-${randomUUID().slice(0, 8)}`, password: randomUUID() }
  await got(anyone.POST('/auth/users/create/', { body }))
  const { auth_token } = await got(anyone.POST('/auth/token/create/', { body }))
  return clientWith({ Authorization: `Token ${auth_token}` })
}

const ann = await signUp('ann')
const bob = await signUp('bob')

const chat = await got(ann.POST('/api/chats/', { body: { title: 'Release party' } }))
const path = { uri: chat.uri }
console.log(`Ann starts "${chat.title}".`)

const joined = await got(bob.PATCH('/api/chats/{uri}/', { params: { path }, body: {} }))
console.log('message' in joined ? `Bob joins: now they are ${joined.members.length}.` : '')

const key = { 'Idempotency-Key': randomUUID() }
const post = { params: { path, header: key }, body: { message: 'Tonight at seven?' } }
const { id } = await got(ann.POST('/api/chats/{uri}/messages/', post))
const again = await got(ann.POST('/api/chats/{uri}/messages/', post))
console.log(`Ann posts twice with one key, and it is stored ${again.id === id ? 'once' : 'twice'}.`)

const message = { uri: chat.uri, id }
const edit = { params: { path: message }, body: { message: 'Tonight at **eight**?' } }
const edited = await got(ann.PATCH('/api/chats/{uri}/messages/{id}/', edit))
console.log(`Ann edits it: ${edited.html}`)

const reaction = { params: { path: { ...message, emoji: '🎉' as const } } }
const reacted = await got(bob.PUT('/api/chats/{uri}/messages/{id}/reactions/{emoji}/', reaction))
console.log(`Bob reacts: ${JSON.stringify(reacted.reactions)}`)

const read = await got(bob.GET('/api/chats/{uri}/messages/', { params: { path, query: { after: 0 } } }))
const kinds = read.messages.map(said => ('event' in said ? said.event : 'message'))
console.log(`Bob reads what happened: ${kinds.join(', ')}.`)

const deleted = await got(ann.DELETE('/api/chats/{uri}/messages/{id}/', { params: { path: message } }))
console.log(`Ann deletes it: ${deleted.deleted_at ? 'it is gone' : 'it is still there'}.`)
