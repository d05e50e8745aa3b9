// npm run bench -- text: how long it takes to render the longest messages as HTML, the worst first, compared with only escaping them.
import { messageHtml } from '../src/text/markdown.js'
import { escapeHtml } from '../src/text/words.js'
import { worstTexts } from '../test/support/worst-texts.js'

const ORDINARY =
  'Hi @ann, **the** plan is at https://example.org/plan?for=us and here is `a bit of code`:\n\n- first this\n- then _that_\n\n> as you said'
const texts = worstTexts()
let turn = 0

for (const text of texts) {
  fastest(text, 3)
}
const worst = texts
  .map(text => ({ text, ms: fastest(text, 10) }))
  .sort((a, b) => b.ms - a.ms)
  .slice(0, 10)
console.log(`${texts.length} texts of 2,000 characters, the slowest of them (each the fastest of 20 times):\n`)
console.table(
  worst.map(({ text, ms }) => row(JSON.stringify(text.slice(0, 32)), text, Math.min(ms, fastest(text, 20)))),
)
console.log('An ordinary message:')
console.table([row(`${ORDINARY.length} characters`, ORDINARY, fastest(ORDINARY, 2000))])

function row(name: string, text: string, ms: number) {
  const floor = time(() => escapeHtml(text), 200)
  return { text: name, 'ms to HTML': round(ms), 'ms to escape': round(floor), times: Math.round(ms / floor) }
}

/** Each time with another mention, because texts that were rendered before are in a cache. */
function fastest(text: string, times: number): number {
  return time(() => messageHtml(text, { ann: turn++ }), times)
}

function time(work: () => void, times: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let n = 0; n < times; n++) {
    const begun = performance.now()
    work()
    best = Math.min(best, performance.now() - begun)
  }
  return best
}

function round(ms: number): number {
  return Number(ms.toPrecision(3))
}
