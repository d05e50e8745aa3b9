// One of the processes that serve together: what workers.ts starts, and what it stops by a signal or by ending.

import { readConfig } from './config.js'
import { listen } from './listener.js'
import { openLog } from './log.js'
import { openParts } from './parts.js'
import { stopSignal } from './signals.js'
import { ADDRESS, type Report } from './workers.js'

const report = (report: Report) => process.send?.(report)
const stopped = stopSignal()
const gone = new Promise<string>(resolve => process.once('disconnect', () => resolve('The main process is gone')))
const config = readConfig(process.env)
const log = openLog(config.logLevel)
try {
  const parts = await openParts(config, log, JSON.parse(process.env[ADDRESS] ?? ''))
  const listener = await listen(parts, config)
  report({ port: listener.port })
  await Promise.race([stopped, gone])
  await listener.close()
  await parts.close()
} catch (error) {
  report({ failure: (error as Error).message })
  process.exitCode = 1
}
process.disconnect?.()
