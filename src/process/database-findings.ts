import type { Config } from '../config.js'
import { type Condition, condition } from '../db/condition.js'
import { type Address, connect, hasSessions, LIMITED, OLDEST_POSTGRES } from '../db/connection.js'
import { readsIdentity, standing } from '../db/epoch.js'
import { missingMigrations } from '../db/migrate.js'
import type { Db } from '../db/schema.js'
import { within } from '../deadline.js'
import { findCluster } from '../postgres/cluster.js'
import { connectionsNeeded } from './connections.js'
import { bad, type Finding, GB, ok, PATIENCE, warn } from './findings.js'

/** What is to be said of the database, and of the connections to it. */
export async function aboutDatabase(config: Config): Promise<Finding[]> {
  const running = config.databaseUrl ? undefined : await findCluster(config.dataDir)
  const address: Address | undefined = config.databaseUrl ? { connectionString: config.databaseUrl } : running
  if (!address) {
    return [
      warn('postgresql', 'The private one does not run, so it was not looked at.', 'Start the program, and ask again.'),
    ]
  }
  const { db } = connect(address, () => {}, 1)
  try {
    const begun = Date.now()
    const found = await within(PATIENCE, condition(db))
    const offset = found.now.getTime() - (begun + Date.now()) / 2
    const missing = await missingMigrations(db)
    return [
      aboutVersion(found),
      aboutDurability(found),
      aboutSession(found),
      (await hasSessions(address))
        ? ok('pooler', 'Each connection has a session of its own.')
        : bad('pooler', 'A pooler changes sessions between transactions.', 'Set pool_mode=session for this database.'),
      aboutConnections(found, config),
      aboutClock(offset),
      found.superuser && config.databaseUrl
        ? warn(
            'role',
            'The role of DATABASE_URL is a superuser.',
            'Give the program a role that owns its database alone.',
          )
        : ok('role', config.databaseUrl ? 'It is no superuser.' : 'The private server is for this program alone.'),
      missing.length > 0
        ? bad(
            'tables',
            `${missing.join(', ')} is missing.`,
            'Start this version of the program, which upgrades the tables.',
          )
        : ok('tables', `They are those of this version. The database has ${(found.size / GB).toFixed(2)} GB.`),
      ...(missing.length > 0 ? [] : [await aboutEpoch(db)]),
    ]
  } catch (error) {
    const { message, errors } = error as AggregateError
    return [
      bad('postgresql', `It cannot be asked: ${message || errors?.map(String).join(', ')}.`, 'Mend what it names.'),
    ]
  } finally {
    await db.destroy()
  }
}

/** Whether a restored backup would be noticed (docs/decisions/018). */
async function aboutEpoch(db: Db): Promise<Finding> {
  const { number, moved } = await standing(db)
  if (moved) {
    return warn('epoch', `Epoch ${number} began in another database.`, 'Start the program, which begins the next one.')
  }
  return (await readsIdentity(db))
    ? ok('epoch', `It is number ${number}.`)
    : warn(
        'epoch',
        `It is number ${number}. The role may not call pg_control_system, by which servers differ.`,
        'Grant it that, or run npm run doctor -- new-epoch after a restore to another server.',
      )
}

function aboutVersion({ version, version_num }: Condition): Finding {
  return version_num >= OLDEST_POSTGRES * 10_000
    ? ok('version', `PostgreSQL ${version}.`)
    : bad('version', `PostgreSQL ${version} is too old.`, `Upgrade it to ${OLDEST_POSTGRES} or newer.`)
}

/** Whether what was acknowledged is kept when the machine loses power. */
function aboutDurability({ settings, standby }: Condition): Finding {
  const what = 'durability'
  if (standby || settings.default_transaction_read_only === 'on') {
    return bad(
      what,
      'The database takes no writes.',
      'Let DATABASE_URL name the primary, and set default_transaction_read_only off.',
    )
  }
  const off = ['fsync', 'full_page_writes'].filter(name => settings[name] !== 'on')
  if (off.length > 0) {
    return bad(
      what,
      `${off.join(' and ')} off: a loss of power can destroy the database.`,
      'Set it on in postgresql.conf.',
    )
  }
  if (!/^(on|remote_apply)$/.test(settings.synchronous_commit ?? '')) {
    return bad(
      what,
      `synchronous_commit is ${settings.synchronous_commit} on the program's connections: posts that were acknowledged can be lost.`,
      'Something between changes sessions; connect to PostgreSQL itself.',
    )
  }
  return settings.data_checksums === 'on'
    ? ok(what, 'Each commit waits for the disk, and pages have checksums.')
    : warn(
        what,
        'Each commit waits for the disk. Pages have no checksums, so damage may stay unseen.',
        'Stop PostgreSQL and run pg_checksums --enable.',
      )
}

/** Whether the settings that the program sends are in force. */
function aboutSession({ settings }: Condition): Finding {
  const wrong = Object.entries(LIMITED)
    .filter(([name, value]) => name in settings && settings[name] !== value)
    .map(([name]) => `${name} is ${settings[name]}`)
  return wrong.length > 0
    ? bad(
        'session',
        `${wrong.join(', ')} on the program's connections.`,
        'Something between drops what the program sets; connect to PostgreSQL itself.',
      )
    : ok('session', 'Time limits are in force: 15 s for a statement, 2 s for a lock.')
}

function aboutConnections({ most, others }: Condition, config: Config): Finding {
  const { workers } = config
  const needed = connectionsNeeded(config)
  const says = `${workers} ${workers === 1 ? 'process needs' : 'processes need'} ${needed} of ${most} connections, and others have ${others}.`
  const todo = 'Raise max_connections, or lower WEB_CONCURRENCY. Each further machine needs as many again.'
  return needed + others > most
    ? bad('connections', says, todo)
    : 2 * needed + others > most
      ? warn('connections', says, 'It is not enough for a second program, as during an upgrade. Raise max_connections.')
      : ok('connections', says)
}

/** Of the database against this machine's, in milliseconds. */
function aboutClock(offset: number): Finding {
  const says = `The clocks of the database and of this machine are ${(Math.abs(offset) / 1000).toFixed(1)} s apart.`
  const todo = 'Let both follow a time server.'
  return Math.abs(offset) > 30_000
    ? bad('clock', says, todo)
    : Math.abs(offset) > 2_000
      ? warn('clock', says, todo)
      : ok('clock', says)
}
