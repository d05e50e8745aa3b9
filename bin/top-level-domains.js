// node bin/top-level-domains.js FILE: writes src/text/top-level-domains.ts. FILE is index.json of the npm package tlds, which is made from
// IANA's list (npm pack tlds).
import { readFileSync, writeFileSync } from 'node:fs'

/** Not in use on the internet, but people read them as hosts (RFC 2606, 6761, 7686, and what networks of their own have). */
const OTHERS = ['example', 'test', 'invalid', 'localhost', 'local', 'internal', 'onion']

const labels = [...JSON.parse(readFileSync(process.argv[2], 'utf8')), ...OTHERS].map(label =>
  new URL(`http://a.${label}`).hostname.slice(2),
)
const lines = []
for (const label of [...new Set(labels)].sort()) {
  const last = lines.at(-1)
  if (last === undefined || last.length + label.length > 130) {
    lines.push(label)
  } else {
    lines[lines.length - 1] = `${last} ${label}`
  }
}
writeFileSync(
  new URL('../src/text/top-level-domains.ts', import.meta.url),
  `// Written by bin/top-level-domains.js.\n\n/** Top-level domains in ASCII. */\nexport const TOP_LEVEL_DOMAINS: ReadonlySet<string> = new Set(\n  \`${lines.join('\n')}\`.split(/\\s/),\n)\n`,
)
