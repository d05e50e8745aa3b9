import { LIMITS } from '../config.js'
import type { FormatName } from '../http/export-formats.js'

/** An export that is being sent. `version`: up to which it has been. */
export interface Running {
  user_id: number
  chat_id: number
  format: FormatName
  after: number
  until: number
  version: number
}

const { perUser, inAll } = LIMITS.exportsAtOnce

/** The exports of this process. */
export class RunningExports {
  private readonly all = new Set<Running>()
  /** Undefined where there are too many already and that counts. `end` must follow. */
  begin(started: Omit<Running, 'version'>, limited: boolean): Running | undefined {
    const own = [...this.all].filter(({ user_id }) => user_id === started.user_id)
    if (limited && (own.length >= perUser || this.all.size >= inAll)) {
      return undefined
    }
    const running = { ...started, version: started.after }
    this.all.add(running)
    return running
  }

  end(running: Running) {
    this.all.delete(running)
  }

  of(user_id: number, chat_id: number): Running[] {
    return [...this.all].filter(running => running.user_id === user_id && running.chat_id === chat_id)
  }
}
