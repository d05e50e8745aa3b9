// npm run bench: how fast this machine posts, polls and delivers, beside the least that any server would have to do.
// npm run bench -- posts 10 runs one part (posts, live or text), for 10 s a line instead of 60 and 20.
// npm run bench -- lists 120 is what a thousand open lists of chats cost, 120 s without and 120 s with them.
// npm run bench -- large fills two million messages first.
// npm run bench -- upgrade upgrades a database of an earlier commit with a million messages, while that commit's program posts on.
import { prepare } from './prepare.js'

await prepare()
const [what, seconds] = process.argv.slice(2)
process.argv.splice(2, 2, ...(seconds ? [seconds] : []))
for (const part of what ? [what] : ['posts', 'live', 'text']) {
  await import(new URL(`../dist/bench/${part}.js`, import.meta.url))
}
