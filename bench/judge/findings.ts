export const KINDS = ['lost', 'twice', 'out of order', 'wrong', 'late'] as const
export type Kind = (typeof KINDS)[number]

/** How many sentences are kept: whoever has read these knows what to look for. */
const SENTENCES = 20

/** What a judgement comes to. */
export interface Verdict {
  counts: Record<Kind, number>
  /** The first findings, in words. */
  sentences: readonly string[]
  /** Operations whose outcome was unknown at first, as no answer or a 503 came, and that were settled by sending them again. */
  settled: number
  /** Operations that were acknowledged. */
  operations: number
  posts: number
  /** Milliseconds from the time for which each operation was scheduled until its acknowledgement. */
  latencies: readonly number[]
}

/** Collects what is wrong. */
export class Findings {
  settled = 0
  operations = 0
  posts = 0
  latencies: number[] = []
  /** Whether a fault is being injected. Without one, a request that is refused or cut off is a finding too. */
  troubled = false
  private counts = none()
  private sentences: string[] = []

  note(kind: Kind, sentence: string, count = 1) {
    this.counts[kind] += count
    if (this.sentences.length < SENTENCES) {
      this.sentences.push(`${kind}: ${sentence}`)
    }
  }

  /** A request or a stream that broke off or was refused. */
  failed(sentence: string) {
    if (!this.troubled) {
      this.note('wrong', `${sentence}, although nothing was done to the program`)
    }
  }

  /** What was found since the last time. */
  take(): Verdict {
    const { counts, sentences, settled, operations, posts, latencies } = this
    this.counts = none()
    this.sentences = []
    this.settled = 0
    this.operations = 0
    this.posts = 0
    this.latencies = []
    return { counts, sentences, settled, operations, posts, latencies }
  }
}

function none(): Record<Kind, number> {
  return { lost: 0, twice: 0, 'out of order': 0, wrong: 0, late: 0 }
}

export function isClean({ counts }: Verdict): boolean {
  return KINDS.every(kind => counts[kind] === 0)
}

/** The value below which that share of the numbers is; 0 where there are none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0
}
