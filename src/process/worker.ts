// One of several processes that serve requests. workers.ts starts it; it stops by a signal, or when the main process ends.

import cluster from 'node:cluster'
import { readConfig } from '../config.js'
import { OperatorError } from '../operator-error.js'
import { listen } from './listener.js'
import { logCrashes, openLog } from './log.js'
import { openParts } from './parts.js'
import { stopSignal } from './signals.js'
import { ADDRESS, type Report } from './workers.js'

// Node would end a worker at once when the main process is gone. This one is to stop as after a signal.
if (cluster.worker) {
  cluster.worker.exitedAfterDisconnect = true
}
const report = (report: Report, then?: () => void) => process.send?.(report, () => then?.())
const signal = stopSignal()
const stopped = new Promise(resolve => signal.addEventListener('abort', resolve))
const gone = new Promise(resolve => process.once('disconnect', resolve))
// The main process listens for its workers. If it ends before that, listening never succeeds; and no request has come yet.
const abandoned = () => process.exit(1)
process.once('disconnect', abandoned)
signal.addEventListener('abort', abandoned)
const config = readConfig(process.env)
const log = openLog(config.logLevel)
logCrashes(log)
try {
  const parts = await openParts(config, log, JSON.parse(process.env[ADDRESS] ?? ''))
  const listener = await listen(parts, config)
  process.off('disconnect', abandoned)
  signal.removeEventListener('abort', abandoned)
  report({ port: listener.port, tutorialPort: listener.tutorialPort })
  await Promise.race([stopped, gone])
  await listener.close()
  await parts.close()
  if (process.connected) {
    process.disconnect()
  }
} catch (error) {
  if (!(error instanceof OperatorError)) {
    log.fatal({ err: error }, 'A worker failed')
  }
  report({ failure: (error as Error).message }, () => process.exit(1))
}
