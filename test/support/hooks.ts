import { closeBrowser } from './browser.js'
import { startDatabases, stopDatabases } from './databases.js'

/** One PostgreSQL for the whole run; every site gets a database of its own in it. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context) {
    this.timeout(60_000)
    await startDatabases()
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(30_000)
    await closeBrowser()
    await stopDatabases()
  },
}
