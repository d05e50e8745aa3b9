// node dist/bench/growth.js [seconds]: mixed use by 16 senders and readers of every kind, while memory, descriptors, connections and dead rows are
// looked at. Ends with 1 unless each stays flat, by the slope of its second half. npm run soak runs this and more.
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { openFiles } from './faults/processes.js'
import { openWorld, type World } from './faults/world.js'
import { isClean } from './judge/findings.js'

const seconds = Number(process.argv[2] ?? 60)
const SAMPLES = 60
const PER_SECOND = 20

/** By how much each may grow from the middle to the end: a share of its mean, and so much besides that short runs vary by. */
const ALLOWED = {
  'memory (MB)': { share: 0.1, besides: 30 },
  descriptors: { share: 0, besides: 8 },
  connections: { share: 0, besides: 4 },
  'dead rows': { share: 0.5, besides: 5000 },
}
type Name = keyof typeof ALLOWED
type Sample = Record<Name, number>

const world = await openWorld({ scale: 1, senders: 16, chats: 4 })
try {
  const samples: Sample[] = []
  const sent = world.trial.send(PER_SECOND, sent => sent < seconds * PER_SECOND)
  for (let n = 0; n < SAMPLES; n++) {
    await wait((seconds * 1000) / SAMPLES)
    samples.push(await look(world))
  }
  await sent
  await world.trial.rest()
  const verdict = await world.trial.judge(120_000)
  const later = samples.slice(SAMPLES / 2)
  const lines = (Object.keys(ALLOWED) as Name[]).map(name => {
    const values = later.map(sample => sample[name])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const growth = slope(values) * (values.length - 1)
    const allowed = ALLOWED[name].share * mean + ALLOWED[name].besides
    return { name, mean: Math.round(mean), growth: Math.round(growth), allowed: Math.round(allowed) }
  })
  console.table(lines)
  const growing = lines.filter(({ growth, allowed }) => growth > allowed)
  const complaints = [...growing.map(({ name, growth }) => `${name} grew by ${growth}`), ...verdict.sentences]
  console.log(complaints.length > 0 ? complaints.join('\n') : 'Nothing grew, and nothing was lost.')
  process.exitCode = growing.length === 0 && isClean(verdict) ? 0 : 1
} finally {
  await world.close()
}

async function look({ program, database }: World): Promise<Sample> {
  const workers = program.workers()
  const { rows } = await database.query(
    `select (select count(*)::int from pg_stat_activity where application_name = 'chatire') as connections,
       (select sum(n_dead_tup)::int from pg_stat_user_tables) as dead`,
  )
  const memory = workers.map(pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]))
  return {
    'memory (MB)': memory.reduce((sum, kilobytes) => sum + kilobytes, 0) / 1024,
    descriptors: workers.reduce((sum, pid) => sum + openFiles(pid), 0),
    connections: rows[0].connections,
    'dead rows': rows[0].dead,
  }
}

/** By how much the values grow from one to the next: of the straight line that fits them best. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const [above, below] = values.reduce(
    ([above, below], value, n) => [above + (n - middle) * (value - mean), below + (n - middle) ** 2],
    [0, 0],
  ) as [number, number]
  return above / below
}
