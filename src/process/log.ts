import { type Logger, pino } from 'pino'
import { whyNotNow } from '../errors.js'

/** Writes lines of JSON, or sentences on a terminal. `to` is for tests. */
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

/** An uncaught error ends the program, as its state is unknown then. */
export function logCrashes(log: Logger) {
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'The program failed')
    process.exit(1)
  })
}

/**
 * Only some fields of an error: those of PostgreSQL have the row that was refused, which can be somebody's message. An error that
 * means "not now" is logged without its stack, as it says nothing about the program.
 */
function errorLine(error: Error & { code?: unknown }) {
  const { name, message, stack, code } = error
  return { name, message, code, ...(whyNotNow(error) === undefined ? { stack } : {}) }
}
