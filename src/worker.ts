// One of the processes that serve together: what workers.ts starts, and what it stops by a signal or by ending.

import cluster from 'node:cluster'
import { readConfig } from './config.js'
import { listen } from './listener.js'
import { logCrashes, openLog } from './log.js'
import { openParts } from './parts.js'
import { stopSignal } from './signals.js'
import { ADDRESS, type Report } from './workers.js'

// Node ends a worker at once when the main process is gone; this one ends as it does when it is told to.
if (cluster.worker) {
  cluster.worker.exitedAfterDisconnect = true
}
const report = (report: Report, then?: () => void) => process.send?.(report, () => then?.())
const stopped = stopSignal()
const gone = new Promise<string>(resolve => process.once('disconnect', () => resolve('The main process is gone')))
// It is the main process that listens: one that is gone before that never answers.
const abandoned = () => process.exit(1)
process.once('disconnect', abandoned)
const config = readConfig(process.env)
const log = openLog(config.logLevel)
logCrashes(log)
try {
  const parts = await openParts(config, log, JSON.parse(process.env[ADDRESS] ?? ''))
  const listener = await listen(parts, config)
  process.off('disconnect', abandoned)
  report({ port: listener.port })
  await Promise.race([stopped, gone])
  await listener.close()
  await parts.close()
  process.disconnect?.()
} catch (error) {
  report({ failure: (error as Error).message }, () => process.exit(1))
}
