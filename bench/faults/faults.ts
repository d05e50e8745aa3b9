import { backUpAndRestore } from './backups.js'
import { herd, logins, slowReaders, slowWriters } from './crowds.js'
import { cutCommits, cutDatabase, cutReaders, silenceDatabase, silenceReaders, terminateBackends } from './cuts.js'
import { killAll, killBackend, killDatabase, killMain, killProgram, killWorker, stopDatabase } from './kills.js'
import { lockChat, lockTable, longTransaction } from './locks.js'
import { pauseBackend, pauseDatabase, pauseProgram, pauseWorker } from './pauses.js'
import { EARLIER, lacksEarlier, lacksFaketime, rollingRestart, stepClock, upgrade } from './restarts.js'
import {
  exhaustConnections,
  exhaustDescriptors,
  fillDisk,
  lacksPrlimit,
  lacksSmallDisk,
  makeReadOnly,
} from './shortages.js'
import type { World } from './world.js'

/** Something that goes wrong. */
export interface Fault {
  name: string
  /** How often it happens in 30 minutes and more. */
  times: number
  /** The commit whose program serves before. The fault puts today's in its place, so it comes first. */
  earlier?: string
  /** What it needs and this machine lacks; undefined if nothing. */
  lacks?(world: World): Promise<string | undefined>
  /** Resolves when it is over, for a kill at once; with how many milliseconds each of those whom it met took to recover, where only it knows. */
  inject(world: World): Promise<readonly number[] | undefined>
}

/** One after the other. Together they have what a long run promises: 60 kills of the program, 20 of PostgreSQL, 2,000 cuts. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'upgrade from an earlier version',
    times: 1,
    earlier: EARLIER,
    lacks: lacksEarlier,
    inject: upgrade,
  },
  { name: 'kill the program', times: 60, inject: killProgram },
  { name: 'kill a worker', times: 20, inject: killWorker },
  { name: 'kill the main process', times: 10, inject: killMain },
  { name: 'kill PostgreSQL', times: 20, inject: killDatabase },
  { name: 'kill one backend of PostgreSQL', times: 5, inject: killBackend },
  { name: 'stop PostgreSQL at once', times: 5, inject: stopDatabase },
  { name: 'kill everything at once', times: 5, inject: killAll },
  { name: 'cut connections of senders and readers', times: 20, inject: cutReaders },
  { name: 'cut connections to PostgreSQL', times: 20, inject: cutDatabase },
  { name: 'cut answers of PostgreSQL after COMMIT', times: 10, inject: cutCommits },
  { name: 'lose connections of senders and readers without a sign', times: 2, inject: silenceReaders },
  { name: 'lose connections to PostgreSQL without a sign', times: 3, inject: silenceDatabase },
  { name: 'terminate all backends', times: 10, inject: terminateBackends },
  { name: 'pause a worker', times: 5, inject: pauseWorker },
  { name: 'pause the program', times: 5, inject: pauseProgram },
  { name: 'pause one backend of PostgreSQL', times: 5, inject: pauseBackend },
  { name: 'pause PostgreSQL', times: 5, inject: pauseDatabase },
  { name: 'fill the disk', times: 5, lacks: lacksSmallDisk, inject: fillDisk },
  { name: 'make the database read-only', times: 5, inject: makeReadOnly },
  { name: 'exhaust the connections of PostgreSQL', times: 5, inject: exhaustConnections },
  { name: 'exhaust the descriptors of the program', times: 5, lacks: lacksPrlimit, inject: exhaustDescriptors },
  { name: 'lock a chat', times: 5, inject: lockChat },
  { name: 'lock the table of events', times: 5, inject: lockTable },
  { name: 'a long transaction', times: 5, inject: longTransaction },
  { name: 'slow readers', times: 3, inject: slowReaders },
  { name: 'slow writers', times: 3, inject: slowWriters },
  { name: 'a burst of logins', times: 10, inject: logins },
  { name: 'a herd of streams', times: 1, inject: herd },
  { name: 'a rolling restart', times: 5, inject: rollingRestart },
  { name: 'step the clock', times: 3, lacks: lacksFaketime, inject: stepClock },
  { name: 'backup and restore', times: 3, inject: backUpAndRestore },
  // After all that everything is as it was.
  { name: 'nothing', times: 1, inject: async () => undefined },
]
