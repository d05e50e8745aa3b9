// The floor: node:http and one INSERT for each request, without sessions, membership or order. POST /bare stores only a
// text. POST /chat stores it with a reference to a chat and an author, and with an index for reading.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 16 })
await pool.query(`
  drop schema if exists floor cascade;
  create schema floor;
  create table floor.bare (id bigint generated always as identity primary key, text text, at timestamptz default now());
  create table floor.chats (id bigint primary key);
  create table floor.authors (id bigint primary key);
  insert into floor.chats values (1);
  insert into floor.authors select generate_series(1, 16);
  create table floor.messages (
    id bigint generated always as identity primary key,
    chat_id bigint not null references floor.chats,
    author_id bigint not null references floor.authors,
    text text not null,
    at timestamptz not null default now());
  create index on floor.messages (chat_id, id)`)
let count = 0
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) {
    chunks.push(chunk)
  }
  const { message } = JSON.parse(Buffer.concat(chunks).toString())
  const { rows } =
    request.url === '/bare'
      ? await pool.query('insert into floor.bare (text) values ($1) returning id, at', [message])
      : await pool.query('insert into floor.messages (chat_id, author_id, text) values (1, $1, $2) returning id, at', [
          1 + (count++ % 16),
          message,
        ])
  const body = JSON.stringify({ ...rows[0], message })
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`Ready: http://localhost:${(server.address() as AddressInfo).port}/`))
process.once('SIGTERM', () => process.exit(0))
