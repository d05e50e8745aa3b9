import { type Logger, pino } from 'pino'
import { whyNotNow } from '../errors.js'

/** How many bytes of the log wait in memory for a reader that takes nothing in. Later lines are left out. */
const UNREAD_BYTES = 1_048_576

/** Writes lines of JSON, or sentences on a terminal. `to` is for tests. Once in a process. */
export function openLog(level: string, to: { write(line: string): void } = standardOutput()): Logger {
  return pino({ level, base: null, serializers: { err: errorLine } }, to)
}

/**
 * By Node's own stream, which waits for no reader. Pino's own tries again for ever at the end of the process where the reader is gone
 * or takes nothing in, so that a signal did not end the program.
 */
function standardOutput() {
  const { stdout } = process
  // Whoever read the log is gone. The chat goes on.
  stdout.on('error', () => {})
  return {
    write(line: string) {
      if (stdout.writableLength < UNREAD_BYTES) {
        stdout.write(stdout.isTTY ? sentence(line) : line)
      }
    },
  }
}

function sentence(line: string): string {
  const { time, msg, err } = JSON.parse(line)
  const clock = new Date(time).toTimeString().slice(0, 8)
  return `${clock}  ${msg}${err ? `\n${err.stack ?? err.message}` : ''}\n`
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
