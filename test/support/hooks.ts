import { closeBrowser, closePages } from './browser.js'
import { offerDatabases, stopDatabases } from './databases.js'

export const mochaGlobalSetup = offerDatabases

/** In a parallel run the browsers end with their processes. This closes the browser of a run in a single process. */
export const mochaGlobalTeardown = [closeBrowser, stopDatabases]

export const mochaHooks = {
  afterAll: closePages,
}
