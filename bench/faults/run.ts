// node dist/bench/faults/run.js [--minutes 30] [--posts 1000000] [--only name,name] [--to file]: posts while one fault after the other is injected, judges
// what came of it, and prints and writes the table. Ends with 1 if anything was lost, came twice, out of order, or wrong. npm run faults
// builds before.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { isClean, quantile } from '../judge/findings.js'
import { FAULTS } from './faults.js'
import { play, type Row } from './scene.js'
import { tableOf } from './table.js'
import { openWorld } from './world.js'

/** Each fault is injected as often as it says. In less time it is so much less often, and in more time there are more posts between. */
const MINUTES = 30
/** As many a second as two cores take with all readers, and time to recover. */
const POSTS_A_MINUTE = 1_000_000 / 60
const SENDERS = 64
const CHATS = 16
const USAGE = `npm run faults -- [--minutes ${MINUTES}] [--posts ${MINUTES * POSTS_A_MINUTE}] [--only name,name] [--to faults.md]
--minutes and --posts are numbers above 0. --only takes some of these: ${FAULTS.map(({ name }) => name).join(', ')}`

const { values } = wordsOf(process.argv.slice(2))
const minutes = Number(values.minutes)
const { to } = values
const scale = minutes / MINUTES
const posts = Number(values.posts ?? minutes * POSTS_A_MINUTE)
const only = values.only?.split(',')
const faults = FAULTS.filter(({ name }) => !only || only.includes(name))
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
if (!(minutes > 0) || !(posts > 0) || faults.length === 0 || (only && faults.length < only.length)) {
  refuse('These words make no run.')
}

const begun = new Date()
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
const rows: Row[] = []
const skipped = new Map<string, string>()
const world = await openWorld({
  scale,
  senders: SENDERS,
  chats: CHATS,
  earlier: faults.find(({ earlier }) => earlier)?.earlier,
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What was started and mounted must not stay.
  process.once(signal, () => void world.close().finally(() => process.exit(1)))
}
try {
  for (const fault of faults) {
    const lack = await fault.lacks?.(world)
    if (lack) {
      skipped.set(fault.name, lack)
      console.log(`${fault.name}: skipped, as ${lack}`)
      continue
    }
    const row = await play(
      world,
      fault,
      Math.max(1, Math.round(fault.times * Math.min(1, scale))),
      posts / faults.length,
      posts / (minutes * 60),
    )
    rows.push(row)
    written()
    const { verdict } = row
    const [p50, p99] = [0.5, 0.99].map(share => Math.round(quantile(verdict.latencies, share)))
    const words = isClean(verdict) ? 'nothing wrong' : verdict.sentences.join('\n  ')
    console.log(`${fault.name}: ${row.injected} times, ${verdict.posts} posts (p50 ${p50} ms, p99 ${p99} ms), ${words}`)
  }
} finally {
  await world.close()
}
console.log(`\n${written()}`)
process.exitCode = rows.every(({ verdict }) => isClean(verdict)) ? 0 : 1

/** Writes the table of what is done so far, and returns it. */
function written(): string {
  const sum = rows.reduce((sum, { verdict }) => sum + verdict.posts, 0)
  const took = Math.round((Date.now() - begun.getTime()) / 60_000)
  const title = `${begun.toISOString().slice(0, 10)}, commit ${commit}, ${cpus().length} cores, ${took} minutes, ${sum} posts`
  const table = `${title}\n\n${tableOf(rows, skipped)}\n`
  writeFileSync(to, table)
  return table
}

function wordsOf(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        help: { type: 'boolean', default: false },
        minutes: { type: 'string', default: String(MINUTES) },
        posts: { type: 'string' },
        only: { type: 'string' },
        to: { type: 'string', default: 'faults.md' },
      },
    })
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function refuse(why: string): never {
  console.error(`${why}\n${USAGE}`)
  process.exit(2)
}
