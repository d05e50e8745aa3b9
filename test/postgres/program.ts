import { Pool } from 'pg'
import { type Cluster, startCluster } from '../../src/postgres/cluster.js'

// A program with a database, for the tests to kill. Arguments: data directory, options as JSON, and `insert` to insert
// rows for ever. Tells what happens in lines of JSON.

const [dataDir = '', options = '{}', task] = process.argv.slice(2)

try {
  const cluster = await startCluster(dataDir, said => tell({ said }), JSON.parse(options))
  process.on('SIGINT', () => tell({ interrupted: true }))
  process.on('SIGTERM', () => cluster.stop().then(() => process.exit()))
  tell({ connection: cluster.connection })
  if (task === 'insert') await insertRows(cluster)
} catch (error) {
  tell({ failed: (error as Error).message })
  process.exit(1)
}

async function insertRows({ connection }: Cluster): Promise<void> {
  const pool = new Pool({ ...connection, max: 4 })
  await pool.query('create table rows (id serial primary key, body text)')
  const insert = async () => {
    for (;;) {
      const { rows } = await pool.query("insert into rows (body) values (repeat('x', 80)) returning id")
      tell({ row: rows[0].id })
    }
  }
  await Promise.all([insert(), insert(), insert(), insert()])
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
