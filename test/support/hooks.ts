import { inspect } from 'node:util'
import { closeBrowser, closePages } from './browser.js'
import { offerDatabases, stopDatabases } from './databases.js'

export const mochaGlobalSetup = offerDatabases

/** In a parallel run the browsers end with their processes. This closes the browser of a run in a single process. */
export const mochaGlobalTeardown = [closeBrowser, stopDatabases]

export const mochaHooks = {
  afterEach: describeValues,
  afterAll: closePages,
}

/**
 * Puts words in place of what was compared. To send a failure from process to process Mocha takes the functions out of both values, and
 * out of all that they lead to: after a comparison with an object of Playwright the browser answers no later test.
 */
function describeValues(this: Mocha.Context) {
  const error = this.currentTest?.err as { actual?: unknown; expected?: unknown } | undefined
  for (const name of ['actual', 'expected'] as const) {
    if (error?.[name] instanceof Object) {
      error[name] = inspect(error[name])
    }
  }
}
