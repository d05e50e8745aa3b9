// npm run soak: many readers for a minute, whether memory, descriptors, connections and dead rows grow in mixed use, and what idle readers ask of the
// database. Fails when a message does not reach everybody or something grows.
// npm run soak -- 3600 takes an hour for each instead of a minute.
import { at, prepare, run } from './prepare.js'

await prepare()
const seconds = process.argv[2] ?? '60'
await run(process.execPath, [at('dist/bench/soak.js'), seconds], 'Not every reader got every message once, in order.')
await run(process.execPath, [at('dist/bench/growth.js'), seconds], 'Something grew, or was lost.')
process.env.IDLE_SECONDS = seconds
await run(
  process.execPath,
  [at('node_modules/mocha/bin/mocha.js'), '-g', 'idle pollers', 'dist/test/live/statements.test.js'],
  'Idle readers ask more of the database than they should.',
)
