import { roleOf } from './markdown-asterisks.js'
import { type Address, findAddresses } from './web-addresses.js'

/** What is known of a paragraph before it is read. */
export class Plan {
  readonly text: string
  /** Where backslashes stand that are not shown. */
  hidden = new Set<number>()
  private readonly addresses: readonly Address[]
  private readonly labels: ReadonlyMap<number, number>
  private readonly labelsOnTrial: ReadonlyMap<number, number>
  private readonly brackets: ReadonlyMap<number, number>
  private readonly closers: readonly number[]

  constructor(text: string) {
    this.text = text
    this.addresses = findAddresses(text)
    const mayLink = text.includes('](')
    this.labels = mayLink ? pairsOfBrackets(text.replace(/\\[[\]]/g, '  ')) : NONE
    this.labelsOnTrial = mayLink ? pairsOfBrackets(text) : NONE
    const hasBracketed = /[([{]\*/.test(text)
    this.brackets = hasBracketed ? pairsOfBrackets(text) : NONE
    this.closers = hasBracketed ? closingAsterisks(text) : []
  }

  /** The address that begins at the place. */
  addressAt(at: number): Address | undefined {
    const address = this.addresses[firstFrom(this.addresses.length, place => (this.addresses[place]?.start ?? 0) >= at)]
    return address?.start === at ? address : undefined
  }

  /** Where the next address begins, from the place on. */
  nextAddress(at: number): number {
    const place = firstFrom(this.addresses.length, place => (this.addresses[place]?.start ?? 0) >= at)
    return this.addresses[place]?.start ?? this.text.length
  }

  /**
   * Where the words of a link end whose [ stands at the place: at its ], with ( behind it. A [ behind ! is that of an image. Brackets
   * behind backslashes count only on trial.
   */
  endOfLabel(at: number, trial: boolean): number | undefined {
    const end =
      this.text[at] === '[' && this.text[at - 1] !== '!'
        ? (trial ? this.labelsOnTrial : this.labels).get(at)
        : undefined
    return end !== undefined && this.text[end + 1] === '(' ? end : undefined
  }

  /** Whether what opens at the place is closed in the bracket that stands before it: not so in int (*f)(char*). */
  closesInBracket(at: number): boolean {
    const most = this.brackets.get(at - 1)
    if (most === undefined) {
      return true
    }
    const closer = this.closers[firstFrom(this.closers.length, place => (this.closers[place] ?? 0) > at)]
    return closer !== undefined && closer < most
  }
}

const NONE: ReadonlyMap<number, number> = new Map()

/** The first place for which it holds. From there on it must hold for all. */
function firstFrom(length: number, holds: (place: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) {
      high = middle
    } else {
      low = middle + 1
    }
  }
  return low
}

/** For each bracket that is closed, where. */
function pairsOfBrackets(text: string): Map<number, number> {
  const pairs = new Map<number, number>()
  const open: Record<string, number[]> = { ')': [], ']': [], '}': [] }
  for (const { 0: bracket, index } of text.matchAll(/[()[\]{}]/g)) {
    const closing = CLOSING[bracket]
    if (closing) {
      open[closing]?.push(index)
      continue
    }
    const opening = open[bracket]?.pop()
    if (opening !== undefined) {
      pairs.set(opening, index)
    }
  }
  return pairs
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

function closingAsterisks(text: string): number[] {
  return [...text.matchAll(/\*+/g)]
    .filter(({ 0: run, index }) => roleOf(text, index, index + run.length, run.length).close)
    .map(({ index }) => index)
}
