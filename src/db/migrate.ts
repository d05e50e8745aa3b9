import { readdir } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { OperatorError } from '../operator-error.js'
import { type Address, OLDEST_POSTGRES } from './connection.js'
import { layFunctions } from './functions.js'
import type { Db } from './schema.js'
import { type Upgrader, withUpgrader } from './upgrader.js'

/** What a file in migrations/ exports is one of these. */
type Step =
  /** One transaction, before the program serves. The program of the release before posts on meanwhile. */
  | { up: (db: Kysely<unknown>) => Promise<void> }
  /** An index of a large table, built while this program serves already. */
  | { index: { name: string; create: string } }
  /**
   * Changes many rows, some in each call, while this program serves already. Its `place` is what the call before returned, null at first.
   * It returns null when all is done.
   */
  | { fill: (db: Kysely<unknown>, place: unknown) => Promise<unknown> }

type Migration = Step & { name: string }

/** Tells a sentence to the person at the terminal. */
type Say = (sentence: string) => void

/** SQLSTATEs after which a step is tried again: deadlock, lock not available in time, cancelled. */
const PASSING = ['40P01', '55P03', '57014']

/** How long after a failure the work beside the program is tried again, in milliseconds. */
const PAUSE = 60_000

/**
 * Applies all that this program needs before it can serve, without a limit of time. Several programs may call it at once. Throws an
 * OperatorError if the server is too old, its encoding cannot hold all text, or a newer program used the database. It leaves to
 * `finishMigrations` what can be done while the program serves.
 */
export async function migrate(address: Address, say: Say): Promise<void> {
  const migrations = await readMigrations()
  await withUpgrader(address, say, async upgrader => {
    await requireServer(upgrader.db)
    if (isReady(migrations, await readState(upgrader.db))) {
      return
    }
    await upgrader.takeLock()
    await createState(upgrader.db)
    // Read again: another program may have migrated the database meanwhile.
    const { done } = await readState(upgrader.db)
    for (const migration of pending(migrations, done)) {
      if ('up' in migration) {
        await inTransaction(upgrader, migration.name, async trx => {
          await migration.up(trx as Kysely<unknown>)
          await record(trx, migration.name)
        })
        say(`${migration.name} applied`)
      }
    }
    await keepFunctions(upgrader, newestOf(migrations))
  })
}

/** Builds large indexes and changes many rows while the program serves. Returns when all is done, or at the signal. */
export async function finishMigrations(address: Address, say: Say, signal: AbortSignal): Promise<void> {
  const migrations = await readMigrations()
  while (!signal.aborted) {
    try {
      await withUpgrader(address, say, upgrader => finish(upgrader, migrations, say), signal)
      return
    } catch (error) {
      if (!signal.aborted) {
        say(`The upgrade goes on in a minute: ${(error as Error).message}`)
        await wait(PAUSE, undefined, { signal }).catch(() => {})
      }
    }
  }
}

/** The names of the migrations that this program cannot serve without and the database lacks. */
export async function missingMigrations(db: Db): Promise<string[]> {
  const { done } = await readState(db)
  const migrations = await readMigrations()
  return migrations.filter(migration => 'up' in migration && !done.has(migration.name)).map(({ name }) => name)
}

async function finish(upgrader: Upgrader, migrations: readonly Migration[], say: Say) {
  if (pending(migrations, (await readState(upgrader.db)).done).length === 0) {
    return
  }
  await upgrader.takeLock()
  for (const migration of pending(migrations, (await readState(upgrader.db)).done)) {
    if ('index' in migration) {
      await buildIndex(upgrader, migration.name, migration.index)
    } else if ('fill' in migration) {
      await fill(upgrader, migration.name, migration.fill)
    }
    say(`${migration.name} applied`)
  }
}

async function readMigrations(): Promise<Migration[]> {
  const folder = new URL('./migrations/', import.meta.url)
  const files = (await readdir(folder)).filter(file => file.endsWith('.js')).sort()
  return Promise.all(
    files.map(async file => ({ ...((await import(new URL(file, folder).href)) as Step), name: file.slice(0, -3) })),
  )
}

interface State {
  /** The names of the migrations that ran. */
  done: ReadonlySet<string>
  /** The newest migration of the program that laid the functions. */
  laid_by: string | null
}

/** The table is that of Kysely's Migrator, which programs up to 0.1 read when they start. */
async function readState(db: Db): Promise<State> {
  const { rows: tables } = await sql<{ migrated: boolean; kept: boolean }>`
    select to_regclass('kysely_migration') is not null as migrated, to_regclass('migration_state') is not null as kept`.execute(
    db,
  )
  const { migrated = false, kept = false } = tables[0] ?? {}
  const done = migrated ? (await sql<{ name: string }>`select name from kysely_migration`.execute(db)).rows : []
  const laid = kept
    ? (
        await sql<{ by: string }>`select value #>> '{}' as by from migration_state where name = ${FUNCTIONS}`.execute(
          db,
        )
      ).rows
    : []
  return { done: new Set(done.map(({ name }) => name)), laid_by: laid[0]?.by ?? null }
}

/** The row of migration_state that says which program laid the functions. The other rows say how far a fill has come. */
const FUNCTIONS = 'functions'

async function createState(db: Db) {
  await sql`set client_min_messages = warning`.execute(db)
  await sql`
    create table if not exists kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)`.execute(
    db,
  )
  await sql`create table if not exists migration_state (name text primary key, value jsonb not null)`.execute(db)
}

/** The migrations that were not applied yet. Throws an OperatorError if the database has one that this program lacks, or one out of order. */
function pending(migrations: readonly Migration[], done: ReadonlySet<string>): Migration[] {
  const known = new Set(migrations.map(({ name }) => name))
  const [stranger] = [...done].filter(name => !known.has(name)).sort()
  if (stranger) {
    throw new OperatorError(
      `This database was used by a newer Chatire (${stranger}): start that one, or restore a backup from before.`,
    )
  }
  const left = migrations.filter(({ name }) => !done.has(name))
  const newestDone = [...done].sort().at(-1) ?? ''
  const late = left.find(migration => 'up' in migration && migration.name < newestDone)
  if (late) {
    throw new OperatorError(
      `The migration ${late.name} comes after ${newestDone}, which ran already: give it a higher number.`,
    )
  }
  return left
}

function isReady(migrations: readonly Migration[], { done, laid_by }: State): boolean {
  return !pending(migrations, done).some(migration => 'up' in migration) && laid_by === newestOf(migrations)
}

/** The name of the newest migration that this program has. */
export async function newestMigration(): Promise<string> {
  return newestOf(await readMigrations())
}

function newestOf(migrations: readonly Migration[]): string {
  return migrations.at(-1)?.name ?? ''
}

/** Lays the functions, if there are none or those of an older program. */
async function keepFunctions(upgrader: Upgrader, newest: string) {
  await inTransaction(upgrader, 'Laying the functions', async trx => {
    const { laid_by } = await readState(trx)
    if (laid_by === null || laid_by < newest) {
      await layFunctions(trx)
      await keep(trx, FUNCTIONS, newest)
    }
  })
}

/** Runs `work` in a transaction. Tries strong locks for a moment, again and again, so that others queue behind them only briefly. */
export async function inTransaction<T>(upgrader: Upgrader, what: string, work: (trx: Db) => Promise<T>): Promise<T> {
  return upgrader.telling(what, () =>
    again(() =>
      upgrader.db.transaction().execute(async trx => {
        // While this waits for a strong lock, all others wait behind it.
        await sql`set local lock_timeout = '200ms'`.execute(trx)
        return work(trx)
      }),
    ),
  )
}

/** Builds the index without locking others out. An invalid one, whose build was cut off, is dropped first. */
async function buildIndex(upgrader: Upgrader, migration: string, { name, create }: { name: string; create: string }) {
  const { db } = upgrader
  await upgrader.telling(migration, () =>
    again(async () => {
      const { rows } = await sql<{ valid: boolean }>`
        select indisvalid as valid from pg_index where indexrelid = to_regclass(${name})`.execute(db)
      if (rows[0]?.valid === false) {
        await sql`drop index concurrently ${sql.id(name)}`.execute(db)
      }
      if (!rows[0]?.valid) {
        await sql.raw(create).execute(db)
      }
    }),
  )
  await record(db, migration)
}

/** Commits each batch together with how far it came. The next batch goes on from there, also in the next program. */
async function fill(
  upgrader: Upgrader,
  migration: string,
  step: (db: Kysely<unknown>, place: unknown) => Promise<unknown>,
) {
  await upgrader.telling(migration, async () => {
    for (let place = await placeOf(upgrader.db, migration); ; ) {
      place = await inTransaction(upgrader, migration, async trx => {
        const next = await step(trx as Kysely<unknown>, place)
        if (next === null) {
          await record(trx, migration)
          await sql`delete from migration_state where name = ${migration}`.execute(trx)
        } else {
          await keep(trx, migration, next)
        }
        return next
      })
      if (place === null) {
        return
      }
    }
  })
}

async function placeOf(db: Db, migration: string): Promise<unknown> {
  const { rows } = await sql<{ value: unknown }>`select value from migration_state where name = ${migration}`.execute(
    db,
  )
  return rows[0]?.value ?? null
}

async function keep(db: Db, name: string, value: unknown) {
  await sql`
    insert into migration_state (name, value) values (${name}, ${JSON.stringify(value)}::jsonb)
    on conflict (name) do update set value = excluded.value`.execute(db)
}

async function record(db: Db, name: string) {
  await sql`insert into kysely_migration (name, timestamp) values (${name}, ${new Date().toISOString()})`.execute(db)
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!PASSING.includes((error as { code?: string }).code ?? '')) {
        throw error
      }
      await wait(300 + Math.random() * 300)
    }
  }
}

async function requireServer(db: Db) {
  const { rows } = await sql<{ number: number; encoding: string }>`
    select current_setting('server_version_num')::int as number, current_setting('server_encoding') as encoding`.execute(
    db,
  )
  const major = Math.floor((rows[0]?.number ?? 0) / 10_000)
  if (major < OLDEST_POSTGRES) {
    throw new OperatorError(`The database server is PostgreSQL ${major}; Chatire needs ${OLDEST_POSTGRES} or newer.`)
  }
  if (rows[0]?.encoding !== 'UTF8') {
    throw new OperatorError(
      `The database's encoding is ${rows[0]?.encoding}; Chatire needs one that was created with UTF8.`,
    )
  }
}
