// A PostgreSQL of the benchmark's own, in the directory that it is told, until it is told to stop.
import { startCluster } from '../src/postgres/cluster.js'

const cluster = await startCluster(process.argv[2] ?? '', () => {})
const { host, user, database } = cluster.connection
console.log(`Ready: postgres://${user}@/${database}?host=${encodeURIComponent(host)}`)
process.once('SIGTERM', async () => {
  await cluster.stop()
  process.exit(0)
})
setInterval(() => {}, 60_000)
