import type pg from 'pg'
import { credentials } from '../../test/support/streams.js'
import { type Program, type SiteForUsers, signUpProgram, Visitor } from '../../test/support/visitor.js'
import { type Chat, versionOf } from './chats.js'

/** Somebody who takes part by the API. */
export interface Member {
  id: number
  program: Program
}

/** Who takes part in a trial, and the chats in which they do. */
export interface Cast {
  chats: Chat[]
  /** Each in the chat whose number is theirs modulo the number of chats, as wanderers are. */
  senders: Member[]
  wanderers: Member[]
  /** In all chats: one who reads by the API, and the headers of one who reads by pages. */
  reader: Member
  viewer: Record<string, string>
}

/** Makes the accounts in the database, or where none is given by the API, and the chats by the API. Names are taken once in a database. */
export async function openCast(
  site: SiteForUsers,
  pool: pg.Pool,
  counts: { chats: number; senders: number; wanderers: number },
): Promise<Cast> {
  const owner = await signUp('judge-owner')
  const reader = await signUp('judge-reader')
  const viewer = await new Visitor(site).signUp('judge-viewer')
  const senders = await several('judge-sender', counts.senders)
  const wanderers = await several('judge-wanderer', counts.wanderers)
  const chats: Chat[] = []
  for (let number = 0; number < counts.chats; number++) {
    chats.push(await startChat(number))
  }
  return { chats, senders, wanderers, reader, viewer: credentials(viewer) }

  async function signUp(username: string): Promise<Member> {
    const program = await signUpProgram(site, username)
    const { rows } = await pool.query('select id::int from users where username = $1', [username])
    return { id: rows[0].id, program }
  }

  async function several(name: string, count: number): Promise<Member[]> {
    const members: Member[] = []
    while (members.length < count) {
      members.push(await signUp(`${name}-${members.length}`))
    }
    return members
  }

  async function startChat(number: number): Promise<Chat> {
    const uri = await owner.program.startChat()
    const isHere = (_: unknown, n: number) => n % counts.chats === number
    const leaving = wanderers.filter(isHere)
    for (const { program } of [...senders.filter(isHere), ...leaving, reader]) {
      await program.join(uri)
    }
    const asForm = { 'content-type': 'application/json', 'x-csrf-token': viewer.csrf }
    await viewer.send('PATCH', `/api/chats/${uri}/`, '{}', asForm)
    const { rows } = await pool.query('select chat_id::int as id from links where uri = $1', [uri])
    const chat: Chat = {
      number,
      uri,
      id: rows[0].id,
      audited: 0,
      posts: new Map(),
      firstSeen: new Map(),
      leavings: 0,
      wanderers: new Set(leaving.map(({ id }) => id)),
    }
    chat.audited = await versionOf(pool, chat)
    return chat
  }
}
