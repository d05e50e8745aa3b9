// npm run bench: how fast this machine posts, polls and delivers, beside the least that any server would have to do.
// npm run bench -- posts 10 runs one part (posts, pages, live or text), for 10 s a line instead of 60 and 20.
// npm run bench -- lists 120 is what a thousand open lists of chats cost, 120 s without and 120 s with them.
// npm run bench -- large fills two million messages first.
// npm run bench -- files imports and exports 200,000 messages, and prints the memory of the process.
// npm run bench -- upgrade upgrades a database of an earlier commit with a million messages, while that commit's program posts on.
// npm run bench -- buses 10 compares what carries hints between processes: PostgreSQL, RabbitMQ where it is installed, and nothing.
// npm run bench -- partitions 1000000 tries the log of events in parts by chat, with so many messages.
// npm run bench -- simulation works out what a million people need, from costs that were measured.
import { fail, prepare } from './prepare.js'

const PARTS = [
  'posts',
  'pages',
  'live',
  'text',
  'lists',
  'large',
  'files',
  'upgrade',
  'buses',
  'partitions',
  'simulation',
]

await prepare()
const [what, seconds] = process.argv.slice(2)
if (what && !PARTS.includes(what)) {
  fail(`npm run bench measures posts, pages, live and text, or one of ${PARTS.join(', ')}.`)
}
process.argv.splice(2, 2, ...(seconds ? [seconds] : []))
for (const part of what ? [what] : ['posts', 'pages', 'live', 'text']) {
  await import(new URL(`../dist/bench/${part}.js`, import.meta.url))
}
