// npm run check: types, lint and format. The types of examples/ are checked by test/examples.test.ts: they need the document of a running server.
import { at, prepare, run } from './prepare.js'

await prepare()
for (const project of ['.', 'static/app']) {
  await run(
    process.execPath,
    [at('node_modules/typescript/bin/tsc'), '-p', at(project), '--noEmit'],
    'The types do not fit.',
  )
}
await run(
  process.execPath,
  [at('node_modules/@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'],
  'Lint or format: see above; npm run format mends what it can.',
)
