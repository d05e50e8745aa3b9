// Runs a PostgreSQL for the benchmark, in the directory of the argument, until a signal stops it.
import { startCluster } from '../src/postgres/cluster.js'

const cluster = await startCluster(process.argv[2] ?? '', () => {})
const { host, user, database } = cluster.connection
console.log(`Ready: postgres://${user}@/${database}?host=${encodeURIComponent(host)}`)
process.once('SIGTERM', async () => {
  await cluster.stop()
  process.exit(0)
})
setInterval(() => {}, 60_000)
