import { closeBrowser } from './browser.js'
import { startDatabases, stopDatabases } from './databases.js'

/** One PostgreSQL for the whole run; every site gets a database of its own in it. */
export const mochaGlobalSetup = startDatabases
export const mochaGlobalTeardown = stopDatabases

/** A browser for each file that opens one. */
export const mochaHooks = {
  afterAll: closeBrowser,
}
