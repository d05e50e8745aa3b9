// Upgrades a database as the program does at its start, for the tests to kill. Its argument is the address as JSON.
import { finishMigrations, migrate } from '../../src/db/migrate.js'

const address = JSON.parse(process.argv[2] ?? '')
await migrate(address, console.log)
await finishMigrations(address, console.log, new AbortController().signal)
