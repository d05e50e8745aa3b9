import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

/** Mocha's `spec`, which also writes how many tests passed and failed in each file to the file that its option `results` names. */
export default class Reporter extends Mocha.reporters.Spec {
  results = {}

  constructor(runner, options) {
    super(runner, options)
    runner.on('pass', ({ file }) => this.resultsOf(file).passed++)
    // A file that cannot be loaded has no test that fails.
    runner.on('fail', ({ file }, error) => this.resultsOf(file ?? error.file).failed++)
  }

  resultsOf(file) {
    this.results[file] ??= { passed: 0, failed: 0 }
    return this.results[file]
  }

  /** When all is over: a second process that dies fails after `end`. */
  done(failures, finish) {
    writeFileSync(this.options.reporterOptions.results, JSON.stringify(this.results))
    finish(failures)
  }
}
