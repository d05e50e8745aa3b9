import assert from 'node:assert/strict'

/** In milliseconds of processor time. Less than this cannot be measured well, and is ignored. */
const LITTLE = 50
const PARTS = 16

/**
 * Fails if work on a text costs much more than work on its sixteen parts together: then it grows with the square of the
 * length. A slow machine is slow with the parts too. The text has another end each time, because the work may cache texts.
 */
export function assertGrowsWithLength(text: string, work: (text: string) => unknown) {
  if (costOf(() => work(text)) < LITTLE) {
    return
  }
  const characters = [...text]
  const length = Math.ceil(characters.length / PARTS)
  const parts = Array.from({ length: PARTS }, (_, n) => characters.slice(n * length, (n + 1) * length).join(''))
  const whole = Math.min(...[1, 2, 3].map(n => costOf(() => work(text + n))))
  const inParts = Math.min(...[1, 2, 3].map(n => costOf(() => parts.map((part, at) => work(`${part}${n} ${at}`)))))
  assert.ok(whole < (inParts * PARTS) / 2, `${text.slice(0, 40)}: ${whole} ms, ${inParts} ms in parts`)
}

/** How much processor time the work takes, in milliseconds. */
export function costOf(work: () => unknown): number {
  const begun = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}
