import type { Compilable, CompiledQuery } from 'kysely'
import type { Db } from './schema.js'

/** Where a value goes in a statement that is compiled without it. */
class Place {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  valueOf(): never {
    throw new Error(`A compiled statement cannot compute with ${this.name}: do it before`)
  }
}

/**
 * A statement that is compiled once: that takes 85 µs for a list of chats and 400 for a chat's page, each time. `build` hands the values on to
 * the query as they are. It may ask whether one is undefined: the statement is compiled for each set of values that are there.
 */
export function compiledOnce<Values extends object, Row>(
  build: (db: Db, values: Values) => Compilable<Row>,
): (db: Db, values: Values) => Promise<Row[]> {
  const statements = new Map<string, CompiledQuery<Row>>()
  return async (db, values) => {
    const given = new Map(Object.entries(values).filter(([, value]) => value !== undefined))
    const names = [...given.keys()]
    const shape = names.join()
    let statement = statements.get(shape)
    if (!statement) {
      statement = build(db, Object.fromEntries(names.map(name => [name, new Place(name)])) as Values).compile()
      statements.set(shape, statement)
    }
    const parameters = statement.parameters.map(value => (value instanceof Place ? given.get(value.name) : value))
    return (await db.executeQuery<Row>({ ...statement, parameters })).rows
  }
}
