import { type Logger, pino } from 'pino'
import { whyNotNow } from '../errors.js'

/** Lines of JSON for machines; on a terminal, sentences. `to` is for tests. */
export function openLog(level: string, to?: { write(line: string): void }): Logger {
  const terminal = {
    write(line: string) {
      const { time, msg, err } = JSON.parse(line)
      const clock = new Date(time).toTimeString().slice(0, 8)
      process.stdout.write(`${clock}  ${msg}${err ? `\n${err.stack ?? err.message}` : ''}\n`)
    },
  }
  const options = { level, base: null, serializers: { err: errorLine } }
  const destination = to ?? (process.stdout.isTTY ? terminal : undefined)
  return destination ? pino(options, destination) : pino(options)
}

/** What nobody caught ends the program: what state it is in cannot be known. */
export function logCrashes(log: Logger) {
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'The program failed')
    process.exit(1)
  })
}

/**
 * Not the whole of an error: PostgreSQL's carry the row that did not fit, which can be somebody's message. Where the program came
 * by one that means "not now" is no matter.
 */
function errorLine(error: Error & { code?: unknown }) {
  const { name, message, stack, code } = error
  return { name, message, code, ...(whyNotNow(error) === undefined ? { stack } : {}) }
}
