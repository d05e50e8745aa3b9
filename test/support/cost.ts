import assert from 'node:assert/strict'

/** In milliseconds of the processor's time. What costs less measures badly, and is not looked at. */
const LITTLE = 50
const PARTS = 16

/**
 * Fails where work on a text costs far more than work on its sixteen parts does together, as what grows with the square of the
 * length does. A slow machine is slow with the parts too. The text ends otherwise each time, as the work may remember texts.
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

function costOf(work: () => unknown): number {
  const begun = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}
