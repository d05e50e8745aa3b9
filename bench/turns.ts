import { quantile } from './judge/findings.js'
import { load } from './load.js'
import { cpu, TICKS } from './programs.js'

/** Rounds that count. One before them only lets the programs be compiled. */
const ROUNDS = 3

/** One kind of request, to a server whose processor time is counted. */
export interface Line {
  name: string
  port: number
  /** The server's process. Its children count with it. */
  pid: number
  /** PostgreSQL's main process, where it has a part in it. */
  postgres?: number
  /** Each has a connection, and sends one request after another. */
  senders: number
  next(sender: number): string
  /** Finishes what the load has left behind: that belongs to its time. */
  settle?(): Promise<unknown>
  /** The name of the line that it is compared with. */
  floor?: string
}

/** What came of a line in one round. */
interface Turn {
  /** Answers a second. */
  rate: number
  /** Processor time for each answer, in µs. */
  server: number
  postgres: number
  p50: number
  p99: number
}

/** The median of the rounds. `share`: the rate as a share of its floor's in the same round. */
export type Outcome = Turn & { share: number }

/**
 * Loads one line after another, so many seconds each, round after round: other load on the machine comes and goes. Prints and returns the median of
 * three rounds. Throws where a request was refused.
 */
export async function inTurns(title: string, lines: readonly Line[], seconds: number): Promise<Map<string, Outcome>> {
  const turns = new Map<string, Turn[]>(lines.map(({ name }) => [name, []]))
  for (let round = 0; round <= ROUNDS; round++) {
    for (const line of lines) {
      const turn = await turnOf(line, seconds)
      if (round > 0) {
        turns.get(line.name)?.push(turn)
      }
    }
  }
  const outcomes = new Map<string, Outcome>()
  const rows: Record<string, object> = {}
  for (const { name, floor, postgres } of lines) {
    const own = turns.get(name) ?? []
    const shares = own.map(({ rate }, n) => rate / (turns.get(floor ?? name)?.[n]?.rate ?? rate))
    const middle = (key: keyof Turn) =>
      quantile(
        own.map(turn => turn[key]),
        0.5,
      )
    const outcome = {
      rate: middle('rate'),
      server: middle('server'),
      postgres: middle('postgres'),
      p50: middle('p50'),
      p99: middle('p99'),
      share: quantile(shares, 0.5),
    }
    outcomes.set(name, outcome)
    rows[name] = {
      'a second': Math.round(outcome.rate),
      ...(floor
        ? { floor, 'of it': `${outcome.share.toFixed(2)} (${shares.map(share => share.toFixed(2)).join(', ')})` }
        : {}),
      'Node, µs': Math.round(outcome.server),
      ...(postgres ? { 'PostgreSQL, µs': Math.round(outcome.postgres) } : {}),
      'p50, ms': outcome.p50.toFixed(1),
      'p99, ms': outcome.p99.toFixed(1),
    }
  }
  console.log(`\n${title}; the median of ${ROUNDS} rounds of ${seconds} s`)
  console.table(rows)
  return outcomes
}

async function turnOf({ port, pid, postgres, senders, next, settle }: Line, seconds: number): Promise<Turn> {
  const used = () => [cpu(pid), postgres ? cpu(postgres) : 0] as const
  const before = used()
  const { perSecond, refused, latencies } = await load(port, senders, seconds, next)
  const settling = performance.now()
  await settle?.()
  const took = seconds + (performance.now() - settling) / 1000
  const count = perSecond.reduce((sum, each) => sum + each, 0)
  if (refused > 0 || count === 0) {
    throw new Error(`${refused} requests were refused, and ${count} answered`)
  }
  const [inServer = 0, inPostgres = 0] = used().map((now, n) => (((now - (before[n] ?? 0)) / TICKS) * 1e6) / count)
  const at = (share: number) => quantile(latencies, share)
  return { rate: count / took, server: inServer, postgres: inPostgres, p50: at(0.5), p99: at(0.99) }
}
