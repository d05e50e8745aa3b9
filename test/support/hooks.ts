import { closeBrowser, closePages } from './browser.js'
import { offerDatabases, stopDatabases } from './databases.js'

export const mochaGlobalSetup = offerDatabases

/** The processes of a parallel run take their browsers with them: this closes the one of a run in a single process. */
export const mochaGlobalTeardown = [closeBrowser, stopDatabases]

export const mochaHooks = {
  afterAll: closePages,
}
