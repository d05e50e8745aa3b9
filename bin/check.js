// npm run check: types, lint and format. Types in examples/ are made of a running server's document: test/examples.test.ts checks them.
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
