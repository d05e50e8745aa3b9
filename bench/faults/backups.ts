import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { startCluster } from '../../src/postgres/cluster.js'
import type { World } from './world.js'

const run = promisify(execFile)

/** A backup is made while posts go on, and restored beside. The copy must have all that was acknowledged before, and nothing else. */
export async function backUpAndRestore(world: World) {
  const { folder, database, trial } = world
  const before = new Map(
    trial.cast.chats.map(({ number, posts }) => [
      number,
      Math.max(0, ...[...posts.values()].map(({ version }) => version ?? 0)),
    ]),
  )
  const command = async (script: string, argument: string, dataDir: string) => {
    const env: NodeJS.ProcessEnv = { ...process.env, DATA_DIR: dataDir }
    return (await run(process.execPath, [`bin/${script}.js`, argument], { env, maxBuffer: 1e8 })).stdout
  }
  const made = await command('backup', path.join(folder, 'backups'), database.dataDir)
  const [, backup = ''] = /Backup made: (\S+),/.exec(made) ?? []
  const copyDir = path.join(folder, `copy-${Date.now()}`)
  await command('restore', backup, copyDir)
  const copy = await startCluster(copyDir, () => {})
  const client = new pg.Client(copy.connection)
  await client.connect()
  try {
    for (const { id, number } of trial.cast.chats) {
      const { rows } = await client.query(
        'select coalesce(max(version), 0)::int as version from events where chat_id = $1',
        [id],
      )
      const end: number = rows[0].version
      const [own, its] = [await digest(database, id, end), await digest(client, id, end)]
      if (end < (before.get(number) ?? 0)) {
        trial.findings.note(
          'lost',
          `The backup of chat ${number} ends at ${end}, and ${before.get(number)} was acknowledged`,
        )
      }
      if (own !== its) {
        trial.findings.note('wrong', `The backup of chat ${number} has other events than the chat: ${its}, ${own}`)
      }
    }
  } finally {
    await client.end()
    await copy.stop()
  }
  return undefined
}

async function digest(
  client: Pick<pg.Client, 'query'> | World['database'],
  chat: number,
  end: number,
): Promise<string> {
  const { rows } = await client.query(
    `select md5(string_agg(concat_ws(' ', version, kind, author_id, key, about), ',' order by version)) as digest
     from events where chat_id = $1 and version <= $2`,
    [chat, end],
  )
  return rows[0].digest
}
