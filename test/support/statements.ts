import pg from 'pg'

export interface Statement {
  text: string
  values: unknown[]
}

/** The statements that the program sends regularly: the settings of a connection, the sweep, the probe of the bus, its hints, and who is here. */
const ROUTINE = /^set lock_timeout|^select 1$|^select pg_notify|as known \(id, version\)|as seen \(chat_id, user_id\)/

/** The SQL statements that this process sends while `act` runs, without the regular ones. */
export async function statementsOf(act: () => Promise<unknown>): Promise<Statement[]> {
  return (await allStatementsOf(act)).filter(({ text }) => !ROUTINE.test(text))
}

/** The same with the regular ones. They are recorded in the driver, so none is missed. */
export async function allStatementsOf(act: () => Promise<unknown>): Promise<Statement[]> {
  const statements: Statement[] = []
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first, values] = args as [string | { text: string; values?: unknown[] }, unknown]
    const text = typeof first === 'string' ? first : first.text
    statements.push({
      text,
      values: Array.isArray(values) ? values : typeof first === 'string' ? [] : (first.values ?? []),
    })
    return Reflect.apply(query, this, args)
  } as typeof query
  try {
    await act()
  } finally {
    pg.Client.prototype.query = query
  }
  return statements
}
