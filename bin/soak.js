// npm run soak: many readers for a minute, and what idle ones ask of the database. Fails when a message does not reach everybody.
// npm run soak -- 10 takes 10 s for each instead of 60.
import { at, prepare, run } from './prepare.js'

await prepare()
const seconds = process.argv[2] ?? '60'
await run(process.execPath, [at('dist/bench/soak.js'), seconds], 'Not every reader got every message once, in order.')
process.env.IDLE_SECONDS = seconds
await run(
  process.execPath,
  [at('node_modules/mocha/bin/mocha.js'), '-g', 'idle pollers', 'dist/test/live/statements.test.js'],
  'Idle readers ask more of the database than they should.',
)
