// Part of bench/upgrade.ts: migrates a database with the code of an earlier commit, or posts with it every 20 ms until a signal stops it.
// Arguments: migrate or post, the folder of the commit, the address as JSON.
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [what, folder = '', address = '{}'] = process.argv.slice(2)
const load = (file: string) => import(pathToFileURL(path.join(folder, 'dist/src/db', file)).href)

const { connect } = await load('connection.js')
const { db } = connect(JSON.parse(address), () => {}, what === 'migrate' ? 1 : 16)
if (what === 'migrate') {
  const { migrate } = await load('migrate.js')
  await migrate(db)
} else {
  await post()
}
await db.destroy()

async function post() {
  const { postQueue } = await load('post-queue.js')
  const posts = postQueue(db, { waiting: 1000, perCall: 256 })
  const waits: number[] = []
  const refused = new Map<string, number>()
  const under: Promise<void>[] = []
  let stopping = false
  process.once('SIGTERM', () => {
    stopping = true
  })
  for (let n = 0; !stopping; n++) {
    under.push(one(n))
    await wait(20)
  }
  await Promise.all(under)
  waits.sort((a, b) => a - b)
  const at = (share: number) => `${Math.round(waits[Math.floor((waits.length - 1) * share)] ?? 0)} ms`
  console.log(
    `${waits.length} posts, longest wait ${at(1)}, median ${at(0.5)}, p99 ${at(0.99)}, refused: ${JSON.stringify([...refused])}`,
  )
  process.exitCode = refused.size === 0 ? 0 : 1

  async function one(n: number) {
    const chat = 1 + (n % 20)
    const begun = performance.now()
    const fields = {
      uri: `uri${chat}_`.padEnd(22, 'x'),
      author_id: chat,
      text: `hello ${n}`,
      key: `k${n}`,
      reply_to: null,
      names: [],
    }
    const outcome = await posts.post(fields).then(
      (done: { outcome: string }) => done.outcome,
      (error: Error) => error.message,
    )
    waits.push(performance.now() - begun)
    if (outcome !== 'posted') {
      refused.set(outcome, (refused.get(outcome) ?? 0) + 1)
    }
  }
}
